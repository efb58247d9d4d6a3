"""`python -m benchmarks`: measure the real stack and its baselines, interleaved to cancel machine noise.

Prints medians, spread, ratios and budgets. A complete measurement is written to benchmarks/results/latest.json, a
partial or interrupted one to trial.json.

--against measures this checkout and another revision alternately, and prints each ratio with its interval:

    python -m benchmarks --against main~5 --only no-op "one function" --rounds 12
    python -m benchmarks --against . --setting FLOWPORT_EXECUTOR_CONCURRENCY=16
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import httpx2
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import comparison, report
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.machine import Machine
from benchmarks.results import FOLDER, LATEST, TRIAL
from benchmarks.revisions import HERE, build_of
from benchmarks.scenario_runner import run_scenarios
from benchmarks.scenarios import groups
from benchmarks.scenarios.scenario import Group
from benchmarks.testbed import console, run_testbed, temporary_folder

EVERYTHING: Final = [""]
ROUNDS: Final = 5


def main() -> int:
    """Measure and report. Return 1 if a scenario failed."""
    options = _parse_arguments()
    screen = console()
    if options.against:
        return _compare(options, screen)
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        chosen = list(_select(groups(testbed, options.seconds), options.only))
        if options.list or not chosen:
            screen.print("\n".join(each.name for group in groups(testbed, 0) for each in group.scenarios))
            return 0 if options.list else 1
        rounds = options.rounds or ROUNDS
        results = run_scenarios(chosen, TRIAL, rounds=rounds, console=screen)
    if options.only == EVERYTHING and rounds >= ROUNDS:
        TRIAL.replace(LATEST)
    screen.print(Markdown(report.results_sections(results)), f"Written to {FOLDER}")
    return 1 if results.failed else 0


def _compare(options: argparse.Namespace, screen: Console) -> int:
    rounds = options.rounds or comparison.DEFAULT_ROUNDS
    try:
        settings = dict(each.split("=", 1) for each in options.setting)
        ours, theirs = build_of(HERE, settings), build_of(options.against, {})
        if theirs.name == ours.name:  # measures the noise of the machine
            theirs = replace(theirs, name=f"{theirs.name} (control)")
        screen.print(f"{ours.name} against {theirs.name}, {rounds} rounds")
        with temporary_folder() as folder:
            found = comparison.compare(
                ours, theirs, folder=folder, only=options.only, rounds=rounds, seconds=options.seconds
            )
    except (BenchmarkFailed, httpx2.TransportError) as error:
        screen.print(f"FAILED {error}")
        return 1
    screen.print(comparison.table(found, ours, theirs), f"Measured {Machine.now()}", sep="\n")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=EVERYTHING, help="select scenarios by parts of their names")
    parser.add_argument("--list", action="store_true", help="list the scenarios and exit")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"rounds after the warm-up; default {ROUNDS}, with --against {comparison.DEFAULT_ROUNDS}",
    )
    parser.add_argument("--against", metavar="REV", help="compare this checkout with a git revision (or .)")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="with --against: setting of this checkout"
    )
    parser.add_argument("--seconds", type=int, default=2, help="duration of each sync scenario in each round")
    options = parser.parse_args()
    if options.against and options.rounds is not None and options.rounds < comparison.MIN_ROUNDS:
        parser.error(f"--against needs at least {comparison.MIN_ROUNDS} rounds")
    if options.setting and not (options.against and all("=" in each for each in options.setting)):
        parser.error("--setting takes NAME=VALUE and requires --against")
    return options


def _select(found: Iterable[Group], only: Sequence[str]) -> Iterator[Group]:
    """Yield the selected scenarios and their baselines."""
    for group in found:
        options = [each for each in group.scenarios if any(part in each.name for part in only)]
        names = {each.name for each in options} | {each.baseline for each in options}
        scenarios = tuple(each for each in group.scenarios if each.name in names)
        if scenarios:
            yield Group(scenarios, group.around, group.once)


if __name__ == "__main__":
    sys.exit(main())
