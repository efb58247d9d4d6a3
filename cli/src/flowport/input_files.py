"""Input of commands: files, standard input and JSON."""

import sys
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from flowport.errors import CommandFailed

STANDARD_INPUT: Final = "-"


class UnreadableInput(CommandFailed):
    """The input does not exist or has the wrong format."""


def require_stdin() -> TextIO:
    """Return standard input. Raises UnreadableInput when it is closed."""
    if sys.stdin is None:
        raise UnreadableInput("cannot read input: standard input is closed")
    return sys.stdin


def read_input(file: Path | str) -> bytes:
    """Return the content of a file, or of standard input for `-`. Raises UnreadableInput."""
    try:
        return require_stdin().buffer.read() if str(file) == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableInput(f"cannot read {file}: {error.strerror}") from error


def decode_text(content: bytes, what: str) -> str:
    """Raises UnreadableInput, which names the line."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableInput(f"{what}:{line}: not valid UTF-8. Save the file as UTF-8") from error


def decode_json(content: bytes | str, what: str) -> Any:
    """Raises UnreadableInput."""
    try:
        return msgspec.json.decode(content)
    except RecursionError as error:
        raise UnreadableInput(f"{what} is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UnreadableInput(f"{what} is not JSON: {error}") from error
