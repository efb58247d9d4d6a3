"""`python -m benchmarks`: measure this checkout and its baselines, interleaved to cancel machine noise.

Prints medians, ratios and budgets. --against measures this checkout and another revision alternately, and prints each
ratio with its 95 % interval:

    python -m benchmarks --against main~5 --only "sync no-op" "one function" --rounds 12
    python -m benchmarks --against . --setting FLOWPORT_EXECUTOR_CONCURRENCY=16
"""

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
from rich.console import Console
from rich.table import Table

from benchmarks import scenarios
from benchmarks.alone import ALONE
from benchmarks.builds import HERE, build_of, run_build
from benchmarks.load import BenchmarkFailed, Row
from benchmarks.rounds import MIN_ROUNDS, Interval, measure_rounds
from benchmarks.scenarios import BUDGETS, Scenario

BASELINE: Final = "baseline"
ROUNDS: Final = 5
ROUNDS_AGAINST: Final = 10


def main() -> int:
    """Measure and report. Return 1 if a measurement failed."""
    options = _parse_arguments()
    screen = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    chosen = scenarios.select(options.only, with_baselines=not options.against)
    alone = [name for name in ALONE if any(part in name for part in options.only) and not options.against]
    if options.list or not (chosen or alone):
        screen.print("\n".join((*(each.name for group in scenarios.groups() for each in group), *ALONE)))
        return int(not options.list)
    screen.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load before {os.getloadavg()[0]:.2f}")
    try:
        with _temporary_folder() as folder:
            if options.against:
                screen.print(_compare(options, [each for group in chosen for each in group], folder))
                return 0
            with run_build(build_of(HERE, {}), folder / "build", with_baselines=True) as build:
                for group in chosen:
                    measures = {
                        each.name: partial(each.run, build, each.target(build), options.seconds) for each in group
                    }
                    rows = measure_rounds(measures, options.rounds or ROUNDS)
                    found = [(each.name, rows[each.name], rows.get(each.baseline_name, [])) for each in group]
                    screen.print(_table("median", BASELINE, found))
            for name in alone:
                screen.print(_table("median", BASELINE, [(name, [ALONE[name](folder / name)], [])]))
    except (BenchmarkFailed, httpx2.HTTPError) as error:
        screen.print(f"FAILED {error}")
        return 1
    return 0


def _compare(options: argparse.Namespace, chosen: Sequence[Scenario], folder: Path) -> Table:
    """Measure two builds. Half of the rounds run with each started first: the order matters for identical builds."""
    ours, theirs = build_of(HERE, dict(each.split("=", 1) for each in options.setting)), build_of(options.against, {})
    if theirs.name == ours.name:  # measures the noise of the machine
        theirs = replace(theirs, name=f"{theirs.name} (control)")
    found: dict[str, dict[str, list[Row]]] = {each.name: {ours.name: [], theirs.name: []} for each in chosen}
    for part, (first, second) in enumerate([(ours, theirs), (theirs, ours)]):
        rounds = ((options.rounds or ROUNDS_AGAINST) + 1 - part) // 2
        with run_build(first, folder / f"{part}-1") as one, run_build(second, folder / f"{part}-2") as two:
            for each in chosen:
                measures = {
                    build.name: partial(each.run, running, each.target(running), options.seconds)
                    for build, running in ((first, one), (second, two))
                }
                for name, rows in measure_rounds(measures, rounds).items():
                    found[each.name][name] += rows
    return _table(ours.name, theirs.name, [(name, rows[ours.name], rows[theirs.name]) for name, rows in found.items()])


def _table(own_name: str, other_name: str, measured: Iterable[tuple[str, list[Row], list[Row]]]) -> Table:
    """Return the medians of each scenario and of what it is compared with, their ratio, and the budget."""
    shown = Table("scenario", "figure", own_name, other_name, "ratio", "95 % interval", "budget")
    for name, own, other in measured:
        for figure in own[0]:
            known = [row[figure] for row in other if row.get(figure)]
            median, base = statistics.median(row[figure] for row in own), statistics.median(known) if known else None
            ratios = [row[figure] / value for row, value in zip(own, known, strict=False)]
            interval = Interval.of(ratios) if len(ratios) >= MIN_ROUNDS else None
            budget = BUDGETS.get((name, figure)) if other_name == BASELINE else None
            shown.add_row(
                name,
                figure,
                f"{median:,.2f}",
                "" if base is None else f"{base:,.2f}",
                f"{statistics.median(ratios):.3f}" if ratios else "",
                f"{interval.lower:.3f} to {interval.upper:.3f}" if interval else "",
                budget.verdict(median, base) if budget else "",
            )
    return shown


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[""], help="select scenarios by parts of their names")
    parser.add_argument("--list", action="store_true", help="list the scenarios and exit")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"rounds after the warm-up; default {ROUNDS}, with --against {ROUNDS_AGAINST}",
    )
    parser.add_argument("--against", metavar="REV", help="compare this checkout with a git revision (or .)")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="with --against: setting of this checkout"
    )
    parser.add_argument("--seconds", type=int, default=2, help="duration of each sync scenario in each round")
    options = parser.parse_args()
    if options.against and options.rounds is not None and options.rounds < MIN_ROUNDS:
        parser.error(f"--against needs at least {MIN_ROUNDS} rounds")
    if options.setting and not (options.against and all("=" in each for each in options.setting)):
        parser.error("--setting takes NAME=VALUE and requires --against")
    return options


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Create a temporary folder for the block. SIGTERM ends the block like Ctrl-C, so its servers stop in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="flowport-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
