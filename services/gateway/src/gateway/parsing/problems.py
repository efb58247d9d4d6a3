"""Field-level validation problems of a body, with the texts that existing clients expect."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from gateway.parsing.json_body import type_name
from shared.ids import RUN_ID_PATTERN

MAX_SAFE_INTEGER: Final = 2**53 - 1
MAX_TEXTS: Final = 1000
MAX_TEXT_LENGTH: Final = 1000
"""Limit per text in a list: each text costs a look-up, and no legitimate caller needs longer ones."""
RUN_ID_MESSAGE: Final = "Execution ID can only contain letters, numbers, dots, underscores, colons, and hyphens"


class Problem(msgspec.Struct, frozen=True):
    """Validation problem; `path` is dot-joined, empty for the body itself."""

    path: str
    message: str


Check = Callable[[Any, str], Iterator[Problem]]
"""Yields the problems of a value at a path."""


def expected(kind: str, value: object, path: str) -> Problem:
    """Return the problem that `value` is not of type `kind`."""
    return Problem(path, f"Invalid input: expected {kind}, received {type_name(value)}")


def boolean(value: Any, path: str) -> Iterator[Problem]:
    """Accept true or false."""
    if not isinstance(value, bool):
        yield expected("boolean", value, path)


def string(value: Any, path: str) -> Iterator[Problem]:
    """Accept text of any length."""
    if not isinstance(value, str):
        yield expected("string", value, path)


def strings(value: Any, path: str) -> Iterator[Problem]:
    """Accept a list of at most MAX_TEXTS texts, none longer than MAX_TEXT_LENGTH."""
    if not isinstance(value, list):
        yield expected("array", value, path)
        return
    if len(value) > MAX_TEXTS:
        yield Problem(path, f"Too big: expected array to have <={MAX_TEXTS} items")
        return
    for index, item in enumerate(value):
        yield from string(item, f"{path}.{index}")
        if isinstance(item, str) and len(item) > MAX_TEXT_LENGTH:
            yield Problem(f"{path}.{index}", f"Too big: expected string to have <={MAX_TEXT_LENGTH} characters")


def positive_integer(value: Any, path: str) -> Iterator[Problem]:
    """Accept an integer above 0 that JavaScript can represent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield expected("number", value, path)
    elif value != int(value):
        yield Problem(path, "Invalid input: expected int, received number")
    elif value <= 0:
        yield Problem(path, "Too small: expected number to be >0")
    elif value > MAX_SAFE_INTEGER:
        yield Problem(path, f"Too big: expected int to be <={MAX_SAFE_INTEGER}")


def one_of(*options: str) -> Check:
    """Accept one of these words."""
    spelled = "|".join(f'"{option}"' for option in options)

    def check(value: Any, path: str) -> Iterator[Problem]:
        if value not in options:
            yield Problem(path, f"Invalid option: expected one of {spelled}")

    return check


def run_id(value: Any, path: str) -> Iterator[Problem]:
    """Accept a run id that a caller may choose."""
    if not isinstance(value, str):
        yield expected("string", value, path)
    elif not value:
        yield Problem(path, "Execution ID is required")
    elif len(value) > 128:
        yield Problem(path, "Execution ID must be 128 characters or fewer")
    elif not RUN_ID_PATTERN.fullmatch(value):
        yield Problem(path, RUN_ID_MESSAGE)
