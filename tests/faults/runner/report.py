"""Report of results: a table on the screen, a JSON file with each scenario's last result, and the docs page."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table
from tests.faults.runner.figures import Figure, Result

RESULTS: Final = Path(__file__).parents[1] / "results" / "latest.json"
PAGE: Final = Path(__file__).parents[3] / "docs" / "operations" / "faults.md"
BEGIN: Final = "<!-- written by make faults: begin -->\n"
END: Final = "<!-- written by make faults: end -->\n"


def table(results: Sequence[Result]) -> Table:
    """Return the table for the screen."""
    found = Table("scenario", "figure", "found", "must be", "holds")
    for result in results:
        for row in _rows(result):
            found.add_row(result.name, *row, style="bold red" if row[-1] == "NO" else None)
    return found


def keep(results: Sequence[Result], names: Sequence[str]) -> None:
    """Replace earlier results of the same names by `results`, and update the page; `names` is the order."""
    RESULTS.parent.mkdir(exist_ok=True)
    kept = msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Result]) if RESULTS.exists() else {}
    kept |= {result.name: result for result in results}
    ordered = {name: kept[name] for name in names if name in kept}
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n")
    head, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + BEGIN + "".join(f"{line}\n" for line in _page(list(ordered.values()))) + END + tail)


def now() -> str:
    """Return the time for people."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def machine() -> str:
    """Return the description of the machine."""
    return f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"


def _page(results: Sequence[Result]) -> Iterable[str]:
    for result in results:
        yield f"### {result.name}: {result.fault}"
        yield ""
        yield f"{result.at}, {result.conditions}, took {result.seconds:.0f} s, {result.machine}."
        yield ""
        yield "| figure | found | must be | holds |"
        yield "|---|---|---|---|"
        for row in _rows(result):
            yield f"| {' | '.join(row)} |"
        yield ""


def _rows(result: Result) -> Iterable[tuple[str, str, str, str]]:
    if result.problem:
        yield result.problem.replace("|", "/"), "", "", "NO"
    for figure in result.figures:
        yield figure.what, figure.shown, figure.bound, _verdict(figure)


def _verdict(figure: Figure) -> str:
    if not figure.bound:
        return ""
    return "yes" if figure.holds else "NO"
