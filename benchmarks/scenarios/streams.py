"""Streams of 200 tokens: from the built-in model, and from a model server that is also called directly."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import uvloop

from benchmarks import workflows
from benchmarks.load import stream_load
from benchmarks.load.http_load import Target
from benchmarks.processes import CpuMeter, Pids
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import MODEL, Testbed

FAST, PACED = "200 tokens of a model", "200 tokens, 10 ms apart"
STREAMS_PER_ROUND: Final = 128
"""Streams per round, read sequentially beyond the concurrency."""


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return a group for each number of streams."""
    for streams in options.streams:
        yield Group(tuple(_scenarios(testbed, streams)))


def _scenarios(testbed: Testbed, streams: int) -> Iterator[Scenario]:
    def named(target: str, title: str, times: int, baseline: str | None = None) -> Scenario:
        suffix = f", {streams} streams"
        run = partial(_read, testbed.targets[target], streams, times, {} if target.startswith(MODEL) else testbed.pids)
        return Scenario(title + suffix, run, baseline and baseline + suffix)

    times = max(1, STREAMS_PER_ROUND // streams)
    yield named("echo", "200 tokens", times)
    for model, title, repeated in (("words", FAST, times), ("words-10", PACED, 1)):
        direct = f"{title}, {MODEL} directly"
        yield named(f"{MODEL}, vllm/{model}", direct, repeated)
        yield named(f"vllm/{model}", title, repeated, direct)


def _read(target: Target, streams: int, times: int, pids: Pids) -> Row:
    meter = CpuMeter(pids)
    row = uvloop.run(stream_load.measure(target, callers=streams, tokens=workflows.TOKENS, times=times))
    return row | meter.microseconds_per(streams * times)
