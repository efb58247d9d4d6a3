"""`python -m benchmarks`: the real stack against its baselines, interleaved so that a noisy machine cancels out.

Prints medians, spread, ratios and budgets, and writes them to benchmarks/results/ as JSON and as a plot. With --check
it fails where a ratio is 15 % worse than in results/reference.json, which --keep writes.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from benchmarks.http_load import BenchmarkFailed
from benchmarks.plot import bars
from benchmarks.results import FOLDER, LATEST, REFERENCE, Results
from benchmarks.scenarios import Options, Row, Scenario, scenarios
from benchmarks.stand import standing

PLOT: Final = FOLDER / "throughput.svg"


def main() -> int:
    """Measure and report."""
    asked = _asked()
    console = Console()
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder)) as stand:
        found = _chosen(scenarios(stand, _options(asked)), asked.only)
        if asked.list:
            console.print("\n".join(each.name for each in found))
            return 0
        rounds = _measure(found, asked.rounds, console)
    results = Results.of(rounds, {each.name: each.baseline for each in found})
    FOLDER.mkdir(exist_ok=True)
    results.write(REFERENCE if asked.keep else LATEST)
    PLOT.write_text(bars(results))
    console.print(results.table())
    losses = results.losses(Results.read(REFERENCE)) if asked.check else []
    console.print("\n".join(losses) or f"Written to {FOLDER}")
    return 1 if losses or len(rounds) < len(found) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names: measure what contains one of them")
    parser.add_argument("--list", action="store_true", help="name the scenarios, measure nothing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1, help="of each sync scenario in each round")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--idle-streams", type=int, default=1_000)
    parser.add_argument("--check", action="store_true", help="fail where a ratio is 15 %% worse than the reference")
    parser.add_argument("--keep", action="store_true", help="make this the reference")
    return parser.parse_args()


def _options(asked: argparse.Namespace) -> Options:
    return Options(asked.seconds, tuple(asked.callers), tuple(asked.streams), asked.jobs, asked.idle_streams)


def _chosen(found: Iterable[Scenario], only: Sequence[str]) -> list[Scenario]:
    """What was asked for, and what that is held against."""
    every = list(found)
    chosen = [each for each in every if any(part in each.name for part in only)]
    names = {each.name for each in chosen} | {each.baseline for each in chosen}
    return [each for each in every if each.name in names]


def _measure(found: Sequence[Scenario], rounds: int, console: Console) -> dict[str, list[Row]]:
    measured: dict[str, list[Row]] = {each.name: [] for each in found}
    with Progress(console=console) as progress:
        task = progress.add_task("", total=sum(1 if each.alone else rounds + 1 for each in found))
        for number, each in _turns(found, rounds):
            progress.update(task, description=each.name)
            try:
                row = each.run()
            except BenchmarkFailed as error:
                console.print(f"{each.name}: {error}")
                continue
            finally:
                progress.advance(task)
            if number or each.alone:  # the first round only warms up
                measured[each.name].append(row)
    return {name: rows for name, rows in measured.items() if rows}


def _turns(found: Sequence[Scenario], rounds: int) -> Iterator[tuple[int, Scenario]]:
    """Neighbours take turns, round by round; what is alone comes once."""
    for alone, group in itertools.groupby(found, key=lambda each: each.alone):
        members = list(group)
        yield from itertools.product(range(1 if alone else rounds + 1), members)


if __name__ == "__main__":
    sys.exit(main())
