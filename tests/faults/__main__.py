"""`python -m tests.faults [scenario …]`: run the fault scenarios at full length, each with its figures."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from tests.faults.runner import catalog, report
from tests.faults.runner.figures import Figure, Result, Scenario
from tests.faults.runner.scene import Options, Scene, scene

SCENARIO_SECONDS: Final = 180.0
"""Maximum duration of a scenario besides its configured duration."""
console: Final = Console()
began: Final = time.monotonic()


def main() -> int:
    """Run the scenarios and report; return 1 when a promise is broken."""
    arguments = _arguments()
    options = Options(seconds=arguments.seconds, rate=arguments.rate, seed=arguments.seed)
    logging.disable(logging.ERROR)  # of the servers in this process: they report every killed caller
    say(f"seed {options.seed}: --seed {options.seed} runs the same again")
    with tempfile.TemporaryDirectory(prefix="flowport-faults-") as folder:
        results = asyncio.run(_run(arguments.folder or Path(folder), options, arguments))
    console.print(report.table(results))
    return 0 if all(result.holds for result in results) else 1


def say(line: str) -> None:
    """Print progress."""
    console.print(f"[dim]{time.monotonic() - began:6.1f}[/]  {line}", highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"of {', '.join(catalog.NAMES)}; else all")
    parser.add_argument("--seconds", type=float, default=300, help="duration of the kills in turn")
    parser.add_argument("--rate", type=float, default=50, help="jobs per second during the kills")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="seed of everything random")
    parser.add_argument("--folder", type=Path, help="folder for logs and data; kept afterwards")
    parser.add_argument("--write", action="store_true", help="write the figures into the docs page")
    arguments = parser.parse_args()
    unknown = set(arguments.scenarios) - set(catalog.NAMES)
    if unknown:
        parser.error(f"unknown scenarios: {', '.join(sorted(unknown))}")
    return arguments


async def _run(folder: Path, options: Options, arguments: argparse.Namespace) -> list[Result]:
    names = arguments.scenarios or catalog.NAMES
    results = []
    async with scene(folder, options, say) as running:
        for scenario in catalog.SCENARIOS:
            if scenario.name in names:
                results.append(await _judged(scenario, running))
                if arguments.write:
                    report.keep(results[-1:], catalog.NAMES)
    return results


async def _judged(scenario: Scenario, running: Scene) -> Result:
    say(f"[bold]{scenario.name}[/]: {scenario.fault}")
    started, at = time.monotonic(), report.now()
    figures: tuple[Figure, ...] = ()
    problem = ""
    try:
        async with asyncio.timeout(SCENARIO_SECONDS + running.options.seconds):
            figures = tuple(await scenario.run(running))
    except Exception as error:
        console.print_exception()
        problem = f"{type(error).__name__}: {error}"
    for figure in figures:
        bound = f" (must be {figure.bound})" if figure.bound else ""
        say(f"  {'' if figure.holds else '[bold red]NO[/] '}{figure.what}: {figure.shown}{bound}")
    return Result(
        scenario.name,
        scenario.fault,
        at,
        report.machine(),
        running.options.shown,
        time.monotonic() - started,
        figures,
        problem,
    )


if __name__ == "__main__":
    sys.exit(main())
