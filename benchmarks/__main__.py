"""`python -m benchmarks`: the real stack against the bare broker path, interleaved so that a noisy machine cancels out.

Prints medians and ratios and writes them to benchmarks/results/latest.json.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import http_load, job_load, stream_load, workflows
from benchmarks.stand import Stand, standing

RESULTS = Path(__file__).parent / "results" / "latest.json"
Row = dict[str, float]


def main() -> None:
    """Measure and report."""
    options = _options()
    console = Console()
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder)) as stand:
        rounds = _measure(stand, options, console)
    result = {"machine": _machine(), "options": vars(options), "scenarios": _medians(rounds)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    console.print(_table(result["scenarios"]))
    console.print(f"Written to {RESULTS}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--jobs", type=int, default=500)
    return parser.parse_args()


def _measure(stand: Stand, options: argparse.Namespace, console: Console) -> dict[str, list[Row]]:
    scenarios: dict[str, Callable[[], Row]] = {}
    for callers in options.callers:
        scenarios[f"bare broker path, {callers} callers"] = _http(stand.bare, callers, options.seconds)
        scenarios[f"sync no-op, {callers} callers"] = _http(stand.no_op, callers, options.seconds)
    for streams in options.streams:
        scenarios[f"stream of {workflows.TOKENS} tokens, {streams} at once"] = _streams(stand, streams)
    scenarios[f"async, {options.jobs} jobs"] = _jobs(stand, options.jobs)
    rounds: dict[str, list[Row]] = {name: [] for name in scenarios}
    with Progress(console=console) as progress:
        task = progress.add_task("Measuring", total=(options.rounds + 1) * len(scenarios))
        for number in range(options.rounds + 1):
            for name, run in scenarios.items():
                progress.update(task, description=name)
                row = run()
                if number:  # the first round only warms up
                    rounds[name].append(row)
                progress.advance(task)
    return rounds


def _http(target: http_load.Target, callers: int, seconds: float) -> Callable[[], Row]:
    def run() -> Row:
        found = http_load.measure(target, callers=callers, seconds=seconds)
        return {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms}

    return run


def _streams(stand: Stand, streams: int) -> Callable[[], Row]:
    def run() -> Row:
        found = asyncio.run(stream_load.measure(stand.stream, callers=streams, expected=workflows.words()))
        return {"first_token_ms": found.first_token_ms, "tokens_per_second": found.tokens_per_second}

    return run


def _jobs(stand: Stand, jobs: int) -> Callable[[], Row]:
    def run() -> Row:
        found = asyncio.run(job_load.measure(stand.no_op, jobs=jobs, callers=32))
        return {"accepted_per_second": found.accepted_per_second, "completed_per_second": found.completed_per_second}

    return run


def _medians(rounds: dict[str, list[Row]]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            figure: {
                "median": statistics.median(row[figure] for row in rows),
                "min": min(row[figure] for row in rows),
                "max": max(row[figure] for row in rows),
            }
            for figure in rows[0]
        }
        for name, rows in rounds.items()
    }


def _table(scenarios: dict[str, dict[str, Any]]) -> Table:
    table = Table("scenario", "figure", "median", "min", "max", "against bare")
    for name, figures in scenarios.items():
        bare = scenarios.get(name.replace("sync no-op", "bare broker path")) if name.startswith("sync") else None
        for figure, values in figures.items():
            ratio = f"{values['median'] / bare[figure]['median']:.2f}×" if bare else ""
            shown = [f"{values[key]:,.2f}" for key in ("median", "min", "max")]
            table.add_row(name, figure, *shown, ratio)
    return table


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}


if __name__ == "__main__":
    main()
