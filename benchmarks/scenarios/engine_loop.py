"""CPU time of the engine per block of a long loop, in a separate process."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from benchmarks import engine
from benchmarks.engine_workflows import SCENARIOS
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed

BLOCKS: Final = 10_000
REPEATS: Final = 3
_LOOP: Final = next(number for number, each in enumerate(SCENARIOS) if each.name == "loop")


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario."""
    yield Group((Scenario("engine, loop of 10,000", _measure),))


def _measure() -> Row:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        row = process.submit(engine.measure, _LOOP, BLOCKS, REPEATS).result(timeout=120)
    return {
        "us_per_block": row["us_per_block"],
        "journaled_us_per_block": row["journaled_us_per_block"],
        "journal_ratio": row["journaled_us_per_block"] / row["us_per_block"],
    }
