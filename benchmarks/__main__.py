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

from rich.console import Console

from benchmarks import comparison, report
from benchmarks.command_line import console, temporary_folder
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.machine import Machine
from benchmarks.results import FOLDER, LATEST, TRIAL
from benchmarks.revisions import HERE, build_of
from benchmarks.scenario_runner import ScenarioRunner
from benchmarks.scenarios import groups
from benchmarks.scenarios.scenario import Group, Options
from benchmarks.testbed import run_testbed

EVERYTHING: Final = [""]
ROUNDS: Final = 5


def main() -> int:
    """Measure and report. Return 1 if a scenario failed."""
    options = _parse_arguments()
    screen = console()
    if options.against:
        return _compare(options, screen)
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        chosen = list(_select(groups(testbed, _build_options(options)), options.only))
        if options.list:
            screen.print("\n".join(each.name for group in chosen for each in group.scenarios))
            return 0
        if not chosen:
            screen.print(f"No scenario name contains {' or '.join(options.only)}. List all with --list.")
            return 1
        rounds = options.rounds or ROUNDS
        is_whole = options.only == EVERYTHING and rounds >= ROUNDS
        runner = ScenarioRunner(screen, TRIAL, rounds=rounds, minutes=options.minutes)
        results = runner.measure(chosen)
    if is_whole:
        TRIAL.replace(LATEST)
    screen.print(*report.tables(results))
    problems = [f"FAILED {name}: {problem}" for name, problem in results.failed.items()]
    screen.print(f"Measured {results.machine}", f"Written to {FOLDER}", *problems, sep="\n")
    return 1 if problems else 0


def _compare(options: argparse.Namespace, screen: Console) -> int:
    rounds = options.rounds or comparison.DEFAULT_ROUNDS
    try:
        settings = dict(_setting(each) for each in options.setting)
        ours, theirs = build_of(HERE, settings), build_of(options.against, {})
        if theirs.name == ours.name:  # measures the noise of the machine
            theirs = replace(theirs, name=f"{theirs.name} (control)")
        screen.print(f"{ours.name} against {theirs.name}, {rounds} rounds")
        with temporary_folder() as folder:
            found = comparison.compare(
                ours, theirs, folder=folder, only=options.only, rounds=rounds, seconds=options.seconds, screen=screen
            )
    except BenchmarkFailed as error:
        screen.print(f"FAILED {error}")
        return 1
    screen.print(comparison.table(found, ours, theirs), f"Measured {Machine.now()}", sep="\n")
    return 0


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise BenchmarkFailed(f"--setting {text}: use NAME=VALUE")
    return name, value


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
    parser.add_argument("--minutes", type=float, default=25, help="time budget; later scenarios get one round")
    parser.add_argument("--seconds", type=int, default=2, help="duration of each sync scenario in each round")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--idle-streams", type=int, default=1_000)
    options = parser.parse_args()
    if options.against and options.rounds is not None and options.rounds < comparison.MIN_ROUNDS:
        parser.error(f"--against needs at least {comparison.MIN_ROUNDS} rounds")
    if options.setting and not options.against:
        parser.error("--setting requires --against")
    return options


def _build_options(options: argparse.Namespace) -> Options:
    return Options(options.seconds, tuple(options.callers), tuple(options.streams), options.jobs, options.idle_streams)


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
