"""`python -m benchmarks`: the real stack against its baselines, interleaved so that a noisy machine cancels out.

Prints medians, spread, ratios and budgets, and writes them to benchmarks/results/latest.json and as a plot; to
trial.json what is not whole: a part that was asked for, or what there was when someone stopped it. With --keep the
results become the reference; with --check it fails where a ratio is 15 % worse than in the reference.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console

from benchmarks import report
from benchmarks.measuring import Measuring
from benchmarks.plots import throughput
from benchmarks.results import FOLDER, LATEST, REFERENCE, TRIAL, Results
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
        is_whole = asked.only == EVERYTHING and asked.rounds >= ROUNDS
        measuring = Measuring(screen, TRIAL, rounds=asked.rounds, minutes=asked.minutes)
        results = measuring.measure(chosen)
    if is_whole:
        TRIAL.replace(LATEST)
        PLOT.write_text(throughput(results))
    return _reported(results, asked, screen)


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
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="after one that warms up")
    parser.add_argument("--minutes", type=float, default=25, help="after these, what is left gets one round only")
    parser.add_argument("--seconds", type=int, default=2, help="of each sync scenario in each round")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--idle-streams", type=int, default=1_000)
    parser.add_argument("--check", action="store_true", help="fail where a ratio is 15 %% worse than the reference")
    parser.add_argument("--keep", action="store_true", help="make this the reference")
    return parser.parse_args()


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
