"""What a command is given to read: files, standard input, and the JSON in them."""

import sys
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from flowport.failures import CommandFailed

STANDARD_INPUT: Final = "-"


class Unreadable(CommandFailed):
    """It is not there, or not what it should be."""


def standard_input() -> TextIO:
    """Raises Unreadable where whoever started us has closed it."""
    if sys.stdin is None:
        raise Unreadable("nothing can be asked for or read: standard input is closed")
    return sys.stdin


def content_of(file: Path | str) -> bytes:
    """What is in a file, or comes on standard input. Raises Unreadable."""
    try:
        return standard_input().buffer.read() if str(file) == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from error


def text_of(content: bytes, what: str) -> str:
    """Raises Unreadable."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"{what} is no text in UTF-8") from error


def json_of(content: bytes | str, what: str) -> Any:
    """Raises Unreadable."""
    try:
        return msgspec.json.decode(content)
    except RecursionError as error:
        raise Unreadable(f"{what} is nested too deep") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Unreadable(f"{what} is not JSON: {error}") from error
