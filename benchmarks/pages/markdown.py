"""Pages, sections and tables in Markdown."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

WIDTH: Final = 120


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of names in the first column and numbers in the others; empty without rows."""
    lines = [_line(row) for row in rows]
    rule = _line(["---", *["---:"] * (len(heads) - 1)])
    return "\n".join([_line(heads), rule, *lines]) + "\n" if lines else ""


def page(*sections: str) -> str:
    """Join the sections that are not empty; wrap long lines of text."""
    text = "\n".join(section.rstrip() + "\n" for section in sections if section.strip())
    return "".join(_wrapped(line) + "\n" for line in text.splitlines())


def section(title: str, *parts: str) -> str:
    """Return a heading with its parts; empty if all parts are."""
    said = [part.rstrip() for part in parts if part.strip()]
    return "\n\n".join([f"## {title}", *said]) + "\n" if said else ""


def number(value: float) -> str:
    """Format a number with three significant digits or more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _wrapped(line: str) -> str:
    if len(line) <= WIDTH or line.startswith("|"):
        return line
    return textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
