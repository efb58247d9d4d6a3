"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column holds names, the others numbers. Empty where there are no rows."""
    lines = [_line(row) for row in rows]
    rule = _line(["---", *["---:"] * (len(heads) - 1)])
    return "\n".join([_line(heads), rule, *lines]) + "\n" if lines else ""


def page(*sections: str) -> str:
    """Sections that have something to say, one after the other."""
    return "\n".join(section.rstrip() + "\n" for section in sections if section.strip())


def section(title: str, *parts: str) -> str:
    """A head and what is below it; nothing where there is nothing below."""
    said = [part.rstrip() for part in parts if part.strip()]
    return "\n\n".join([f"## {title}", *said]) + "\n" if said else ""


def number(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
