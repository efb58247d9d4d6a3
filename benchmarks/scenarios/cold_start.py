"""From the launch of each process until it says that it is ready."""

import time
from collections.abc import Iterator

from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """Every process, one after the other, in each round."""
    yield Group((Scenario("cold start", lambda: _restarted(stand)),))


def _restarted(stand: Stand) -> Row:
    found = {}
    for name in stand.stack.names:
        stand.stack.kill(name)
        began = time.perf_counter()
        stand.stack.restart(name)
        found[f"{name}_ms"] = (time.perf_counter() - began) * 1000
    return found
