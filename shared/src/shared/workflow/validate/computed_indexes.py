"""References with another reference as an index, which only code can read: `<start.orders[<loop.index>].total>`."""

import re
from collections.abc import Container, Iterator
from typing import Final, NamedTuple

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.references import normalize_name

_PATH: Final = r"(?:\.\w{1,127}+|\[\d{1,9}\])"
_COMPUTED: Final = re.compile(
    rf"<(?P<root>[^\W\d][\w-]{{0,127}})(?P<path>{_PATH}{{1,16}})"
    rf"\[(?:<(?P<index>[\w.-]{{1,127}})>|(?P<bare>(?:loop|parallel)\.index))\](?P<rest>{_PATH}{{0,16}})>"
)
_FIELD: Final = re.compile(r"\.(\w+)")


class ComputedIndex(NamedTuple):
    """A reference with another one as an index."""

    raw: str
    code: str
    """JavaScript that reads the value."""
    python: str

    def in_code(self, language: Language) -> str:
        """Return how code of a language reads the value."""
        return self.python if language is Language.PYTHON else self.code

    def problem(self, language: Language | None = None) -> str:
        """Return the cause and the fix, in code of a language or outside of code."""
        cause = f"{self.raw} has no value, because an index is a number, not a reference"
        fix = f"Write {self.in_code(language)}" if language else f"Compute the value in a function block: {self.code}"
        return f"{cause}. {fix}"


def computed_indexes(text: str, known: Container[str], *, is_bare: bool = False) -> Iterator[ComputedIndex]:
    """Yield the computed indexes in a text whose reference begins with a known name.

    `is_bare` selects those whose index has no angle brackets, so that the whole text counts as a reference.
    """
    for match in _COMPUTED.finditer(text):
        if normalize_name(match["root"]) in known and (match["bare"] is not None) is is_bare:
            value = f"<{match['root']}{match['path']}>[<{match['index'] or match['bare']}>]"
            python = _FIELD.sub(r'["\1"]', match["rest"])
            yield ComputedIndex(match[0], f"{value}{match['rest']}", f"{value}{python}")


def has_computed_index(text: str) -> bool:
    """Return whether a text may have such a reference."""
    return _COMPUTED.search(text) is not None
