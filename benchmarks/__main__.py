"""`python -m benchmarks`: the real stack against its baselines, interleaved so that a noisy machine cancels out.

Prints medians, spread, ratios and budgets, and writes them to benchmarks/results/latest.json and as a plot; to
trial.json what is not whole: a part that was asked for, or what there was when someone stopped it. With --keep the
results become the reference; with --check it fails where a ratio is 15 % worse than in the reference.

With --against it measures this checkout and another revision in turn instead, and prints each ratio with its interval:

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
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.machine import Machine
from benchmarks.measuring import Measuring
from benchmarks.plots import throughput
from benchmarks.results import FOLDER, LATEST, REFERENCE, TRIAL, Results
from benchmarks.revisions import HERE, build_of
from benchmarks.scenarios import groups
from benchmarks.scenarios.scenario import Group, Options
from benchmarks.stand import standing
from benchmarks.surroundings import console, temporary_folder

EVERYTHING: Final = [""]
ROUNDS: Final = 5
PLOT: Final = FOLDER / "throughput.svg"
NO_REFERENCE: Final = f"""\
There is nothing to compare with: {REFERENCE} is not there.
Measure the state that is to be the reference, on a machine with nothing else to do, with

    make bench BENCH=--keep

and commit that file. It holds ratios, so that another machine may check against it."""


def main() -> int:
    """Measure and report; 1 where something failed or a ratio was lost."""
    asked = _asked()
    screen = console()
    if asked.against:
        return _compare(asked, screen)
    if asked.check and not REFERENCE.exists():
        screen.print(NO_REFERENCE)
        return 1
    with temporary_folder() as folder, standing(folder) as stand:
        chosen = list(_chosen(groups(stand, _options(asked)), asked.only))
        if asked.list:
            screen.print("\n".join(each.name for group in chosen for each in group.scenarios))
            return 0
        if not chosen:
            screen.print(f"No scenario has {' or '.join(asked.only)} in its name; --list names them all.")
            return 1
        rounds = asked.rounds or ROUNDS
        is_whole = asked.only == EVERYTHING and rounds >= ROUNDS
        measuring = Measuring(screen, TRIAL, rounds=rounds, minutes=asked.minutes)
        results = measuring.measure(chosen)
    if is_whole:
        TRIAL.replace(LATEST)
        PLOT.write_text(throughput(results))
    return _reported(results, asked, screen)


def _compare(asked: argparse.Namespace, screen: Console) -> int:
    rounds = asked.rounds or comparison.DEFAULT_ROUNDS
    try:
        settings = dict(_setting(each) for each in asked.setting)
        ours, theirs = build_of(HERE, settings), build_of(asked.against, {})
        if theirs.name == ours.name:  # how much this machine varies by chance
            theirs = replace(theirs, name=f"{theirs.name} (control)")
        screen.print(f"{ours.name} against {theirs.name}, {rounds} rounds")
        with temporary_folder() as folder:
            found = comparison.compare(
                ours, theirs, folder=folder, only=asked.only, rounds=rounds, seconds=asked.seconds, screen=screen
            )
    except BenchmarkFailed as error:
        screen.print(f"FAILED {error}")
        return 1
    screen.print(comparison.table(found, ours, theirs), f"Measured {Machine.now()}", sep="\n")
    return 0


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise BenchmarkFailed(f"--setting {text}: write NAME=VALUE")
    return name, value


def _reported(results: Results, asked: argparse.Namespace, screen: Console) -> int:
    screen.print(report.figures(results), report.processor_time(results), report.budgets(results))
    problems = [f"FAILED {name}: {problem}" for name, problem in results.failed.items()]
    if asked.check:
        problems += [f"LOST {loss}" for loss in results.losses(Results.read(REFERENCE))]
    if asked.keep and not problems:
        results.write(REFERENCE)
    screen.print(f"Measured {results.machine}", f"Written to {FOLDER}", *problems, sep="\n")
    return 1 if problems else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=EVERYTHING, help="measure what contains one of these in its name")
    parser.add_argument("--list", action="store_true", help="name the scenarios, measure nothing")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"after one that warms up; default {ROUNDS}, with --against {comparison.DEFAULT_ROUNDS}",
    )
    parser.add_argument("--against", metavar="REV", help="measure this checkout and a git revision (or .) in turn")
    parser.add_argument(
        "--setting", action="append", default=[], metavar="NAME=VALUE", help="with --against, for this checkout only"
    )
    parser.add_argument("--minutes", type=float, default=25, help="after these, what is left gets one round only")
    parser.add_argument("--seconds", type=int, default=2, help="of each sync scenario in each round")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--idle-streams", type=int, default=1_000)
    parser.add_argument("--check", action="store_true", help="fail where a ratio is 15 %% worse than the reference")
    parser.add_argument("--keep", action="store_true", help="make this the reference")
    asked = parser.parse_args()
    if asked.against and asked.rounds is not None and asked.rounds < comparison.MIN_ROUNDS:
        parser.error(f"--against needs at least {comparison.MIN_ROUNDS} rounds")
    if asked.setting and not asked.against:
        parser.error("--setting belongs to --against")
    return asked


def _options(asked: argparse.Namespace) -> Options:
    return Options(asked.seconds, tuple(asked.callers), tuple(asked.streams), asked.jobs, asked.idle_streams)


def _chosen(found: Iterable[Group], only: Sequence[str]) -> Iterator[Group]:
    """What was asked for, and what that is held against."""
    for group in found:
        asked = [each for each in group.scenarios if any(part in each.name for part in only)]
        names = {each.name for each in asked} | {each.baseline for each in asked}
        scenarios = tuple(each for each in group.scenarios if each.name in names)
        if scenarios:
            yield Group(scenarios, group.around, group.once)


if __name__ == "__main__":
    sys.exit(main())
