"""docs/operations/limits.md: measured rates on two cores against the goal, and what limits them."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.pages.capacity import SERVICES
from benchmarks.pages.markdown import number, page, section, table
from benchmarks.results import LATEST, Results
from benchmarks.workflows import TOKENS

HEAD: Final = """\
# Limits

Written by `make docs` from `benchmarks/results`. The goal is 3,000 sync runs and 100,000 streamed tokens per second on
two cores that callers, services, broker and store share. This page compares the measured rates with the goal and shows
the CPU time of each part.
"""
CORES: Final = 2
RUNS, TOKENS_A_SECOND = 3_000, 100_000
SYNC: Final = ("sync no-op, 32 callers", "sync no-op, 128 callers")
STREAMS: Final = ("200 tokens, 32 streams", "200 tokens, 128 streams", "200 tokens of a model, 32 streams")
NAMES: Final = {
    "gateway": "HTTP (uvicorn and FastAPI), authentication, limits, and the reply",
    "executor-service": "receiving the message, the workflow's blocks, the reply and the record",
    "jobs-service": "records of runs, in batches",
    "deploy-service": "nothing on this path: live versions are cached where they are used",
    "store": "one document per run and its index entries; SecantusDB is written in Python",
    "broker": "the request and its acknowledgement, the reply, and a share in a batch of records",
}
WAITING: Final = "The rest goes to the callers, and to times when a core waits for another."
BOTTLENECKS: Final = """\
- **Store.** A run is one insert, already batched. Fewer indexes on runs would slow down the lists that users filter. A
  MongoDB server in its place was not measured.
- **Python around a call.** `bare web` is a FastAPI that only echoes; `bare broker path` adds aio-pika, a queue and a
  worker. The difference to Flowport is authentication, limits, versions, the engine and records.
- **Two cores for six processes and the callers.** The rate stops growing above 32 callers. More cores and processes
  raise it; see [capacity](capacity.md).
- **Queued jobs.** The store updates a job three times after accepting it, in batches of up to 32. SecantusDB needs 0.5
  to 0.6 ms of one core for each update and 0.3 ms for the insert; two fifths of an update is reading index definitions.
  Jobs are therefore accepted faster while no worker runs.
- **Tokens of a model.** The executor parses HTTP in C and forwards words that arrive together in one message. When 32
  streams start at the same time, they pass each process in one wave, and the other core is partly idle meanwhile.
- **The machine.** Absolute times depend on the machine and on other virtual machines on its host. Ratios between
  interleaved scenarios are stable: the ratio to the bare broker path was 0.91 on a machine half as fast as well.

Alternatives that were measured against the current implementation, interleaved, and rejected:

| alternative | result |
|---|---|
| publish each call without batching, or batch for 1 ms | no gain |
| start one, two or four calls per event-loop turn, or eager tasks | first token of 32 streams up to 6 ms later |
| write to the socket at the end of each turn instead of uvloop's flush | first token of 32 streams 1 ms later |
| delay a stream after its first word, or the response head until the first data | no earlier first token |
| read model output every 4 ms | 10 % less executor CPU time, no earlier first token |
| spinning broker schedulers, or one instead of two | no gain |
| response head and body in one system call | 3 % of a bare application's time |
| delayed acknowledgements (5 ms) | no gain |
| a broker that does not wait for its disk | no gain, and accepted runs would not survive |
| pause dispatching while jobs are accepted | 330 instead of 177 accepted per second, but 100 instead of 108 completed |
| accept several batches of jobs concurrently | 469 to 498 instead of 524 accepted per second |
| drop the three indexes of unfinished runs | 247 to 261 instead of 305 to 317 jobs completed per second |
"""


def limits_page() -> str:
    """Return the page."""
    if not LATEST.exists():
        return page(HEAD, "No results yet.")
    results = Results.read(LATEST)
    return page(
        HEAD,
        f"Measured {results.machine}.",
        section("Measured rates", table(["", "measured", "goal", "measured / goal", "× baseline"], _reached(results))),
        section("CPU time of a sync run", *_run(results)),
        section(
            "CPU time of a streamed token, in µs",
            f"A stream has {TOKENS} tokens. The figures include the fixed cost of a run.",
            table(["", *SERVICES, "all", "maximum tokens/s"], _tokens(results)),
        ),
        section("Bottlenecks", BOTTLENECKS),
    )


def _reached(results: Results) -> Iterator[Sequence[str]]:
    goals = [(name, "per_second", RUNS) for name in SYNC] + [
        (name, "tokens_per_second", TOKENS_A_SECOND) for name in STREAMS
    ]
    for name, figure, goal in goals:
        found = results.figure(name, figure)
        if found:
            ratio = results.ratio(name, figure)
            against = f"{ratio:.2f} × {results.baseline_of(name)}" if ratio else ""
            yield [name, number(found.median), f"{goal:,}", f"{found.median / goal:.2f}", against]


def _run(results: Results) -> Iterator[str]:
    costs = _costs(results, SYNC[0])
    total = sum(costs.values())
    if not total:
        return
    yield table(
        ["", "µs", "share", "work"],
        ([name, number(cost), f"{cost / total:.0%}", NAMES[name]] for name, cost in costs.items()),
    )
    room = CORES * 1e6 / RUNS
    yield (
        f"In total {number(total)} µs, so {CORES} cores complete at most {number(CORES * 1e6 / total)} runs per second "
        f"without the callers. For {RUNS:,} runs per second, a run may take {number(room)} µs. "
        + (f"The excess is {number(total - room)} µs." if total > room else WAITING)
    )
    largest = max(costs, key=lambda name: costs[name])
    without = CORES * 1e6 / (total - costs[largest])
    yield f"Without the largest part, {largest}, the maximum would be {number(without)}."


def _tokens(results: Results) -> Iterator[Sequence[str]]:
    for name in STREAMS:
        costs = {service: cost / TOKENS for service, cost in _costs(results, name).items()}
        total = sum(costs.values())
        if total:
            yield [name, *map(number, costs.values()), number(total), number(CORES * 1e6 / total)]


def _costs(results: Results, scenario: str) -> dict[str, float]:
    found = {service: results.figure(scenario, f"{service}_cpu_us") for service in SERVICES}
    return {service: figure.median if figure else 0.0 for service, figure in found.items()}
