"""Time from the launch of each process to its readiness."""

import time
from collections.abc import Iterator

from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario, which restarts each process in each round."""
    yield Group((Scenario("cold start", lambda: _restart_all(testbed)),))


def _restart_all(testbed: Testbed) -> Row:
    found = {}
    for name in testbed.stack.names:
        testbed.stack.kill(name)
        began = time.perf_counter()
        testbed.stack.restart(name)
        found[f"{name}_ms"] = (time.perf_counter() - began) * 1000
    return found
