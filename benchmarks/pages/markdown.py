"""Markdown pages, sections and tables."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with names in the first column and numbers in the others, empty without rows."""
    lines = [_line(row) for row in rows]
    rule = _line(["---", *["---:"] * (len(heads) - 1)])
    return "\n".join([_line(heads), rule, *lines]) + "\n" if lines else ""


def page(*sections: str) -> str:
    """Join non-empty sections."""
    return "\n".join(section.rstrip() + "\n" for section in sections if section.strip())


def section(title: str, *parts: str) -> str:
    """Return a section with its heading, empty without content."""
    content = [part.rstrip() for part in parts if part.strip()]
    return "\n\n".join([f"## {title}", *content]) + "\n" if content else ""


def number(value: float) -> str:
    """Format a number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
