"""Sequential calls with the largest allowed input."""

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

import httpx2

from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import BARE, Testbed

BODY: Final = b'{"text": "' + b"x" * 9_990_000 + b'"}'
CALLS: Final = 3


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the smallest workflow and the bare path."""
    baseline = f"{BARE}, 10 MB"
    yield Group(
        (
            Scenario(baseline, partial(_send, testbed.targets[BARE])),
            Scenario("sync no-op, 10 MB", partial(_send, testbed.no_op), baseline),
        )
    )


def _send(target: Target) -> Row:
    milliseconds = []
    with httpx2.Client(timeout=60, trust_env=False) as http:
        for _ in range(CALLS):
            began = time.perf_counter()
            answer = http.post(target.url, content=BODY, headers=target.headers)
            milliseconds.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise BenchmarkFailed(f"input of 10 MB rejected: {answer.status_code} {answer.text[:300]}")
    return {"p50_ms": statistics.median(milliseconds)}
