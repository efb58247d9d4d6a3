"""Generator of docs/operations/limits.md: the throughput of two cores, and its limits."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.pages.capacity import SERVICES
from benchmarks.pages.markdown import number, page, section, table
from benchmarks.results import LATEST, Results
from benchmarks.workflows import TOKENS

HEAD: Final = """\
# Limits

This page shows the throughput of two cores with everything on them (callers, services, broker and store), and the cost
of each part. The aim is 3,000 sync runs and 100,000 streamed tokens a second. Written by `make docs` from
`benchmarks/results`.
"""
CORES: Final = 2
RUNS, TOKENS_A_SECOND = 3_000, 100_000
SYNC: Final = ("sync no-op, 32 callers", "sync no-op, 128 callers")
STREAMS: Final = ("200 tokens, 32 streams", "200 tokens, 128 streams", "200 tokens of a model, 32 streams")
NAMES: Final = {
    "gateway": "HTTP (uvicorn and FastAPI), the key, limits, and forwarding the reply",
    "executor-service": "receiving the message, the workflow's blocks, the reply and the record",
    "jobs-service": "records of runs, batched into few writes",
    "deploy-service": "nothing on this path: its callers cache live versions",
    "store": "one document a run, and an entry in each index: SecantusDB is written in Python",
    "broker": "the request and its acknowledgement, the reply, and a share in a batch of records",
}
ENOUGH: Final = "the rest goes to the callers, and to cores that wait for each other."
WAYS: Final = """\
- **The store** is not ours to optimize. Its work is one insert a run, already batched; fewer indexes on runs would
  remove filters from lists. A MongoDB server in its place was not measured.
- **Python around a call**: the benchmark also measures a bare FastAPI that only echoes (`bare web`), and the same
  framework with aio-pika, a queue and a worker, without our features (`bare broker path`). The difference to ours is
  keys, limits, versions, the engine and records.
- **Two cores for six processes and the callers**: above 32 callers the rate stops growing. More cores, and more
  processes on them, are the next step; [capacity](capacity.md) has the cost of each.
- **A queued job** changes three times in the store after its acceptance, by statements that change up to sixteen or
  thirty-two jobs. SecantusDB takes 0.5 to 0.6 ms of one core for each change that way, more than twice that in separate
  statements, and 0.3 ms for the insert. Two fifths of a change go to reading the list of indexes on runs: nine, four
  times for each document; and each entry is rewritten. Jobs are therefore accepted faster while no worker runs;
  `benchmarks/results` has both rates.
- **A token of a real model**: a parser in C reads it from HTTP in the executor, and words that arrive together are sent
  together. The times that follow are of a machine half as fast: a stream of 200 words takes 1.9 ms, of which a fifth is
  the run itself. When 32 begin together, they pass each process as one wave after the other (the kernel's scheduler, 24
  times, on Python 3.13): for 12 ms the gateway accepts them, and the other core is idle for half of that; from the 16th
  ms on both are busy, the executor with 75 % of one, the model server with 60, the store and jobs-service with 30 (the
  previous runs), broker and gateway with 10 each; the sixteenth first word arrives after 34. A single stream takes
  2.2 ms to the worker, 1.8 ms there including the model's answer, and 2.0 ms back for its first word.
- **The machine** was otherwise idle for the tables above. The times are still those of one machine: hours before, the
  same path did 1,086 runs a second with 32 callers on another kind of two cores, and the engine took 73 µs for a block.
  The ratio to the bare path was the same there, 0.91. Neighbors on the same host do not show in any count, so a
  measurement after which the machine is slow is repeated.
- **Latest improvements**, each measured in alternation with the previous version: status requests that arrive together
  share one read of the store (32 callers get 2,940 to 3,250 statuses a second instead of 1,380 to 1,670). Before that,
  on slower machines: attached runs use a transient queue while a worker is idle
  ([ADR 25](../adr/0025-route-attached-runs-through-a-transient-queue.md): one caller waits 2.4 ms instead of 3.6);
  a block that waits for nothing takes no turn of the loop (42 to 44 µs a block instead of 57 to 61); a queued run costs
  the store 7.3 ms of CPU instead of 10.0; an executor has 128 interactive slots instead of 64 (the first word of 128
  streams with one each 10 ms arrives after 0.39 s instead of 1.25). And a run leaves no cyclic garbage: each used to
  reference itself, 80 objects and its input, until a collection, and collections took 4.7 % of the CPU at 32 callers,
  3.9 % with 128 streams, and up to 57 ms each in an executor. The same load now needs one, of 10 ms. The first word of
  32 streams arrived after 32.7 ms instead of 39.3 without any (six rounds).

Tried in alternation with the current code, and rejected:

- publishing each call immediately instead of with the others of the same loop turn, or with those of the last
  millisecond; beginning one, two or four calls a turn
- beginning a call on arrival, and running it to its first wait (Python's eager tasks: first word of 32 after 43.4 ms
  more than the model's, 41.7 without, six rounds; with one call a turn 48.1)
- passing each turn's messages to the kernel immediately, and not when uvloop does (36.8, 35.6 without, nine rounds)
- delaying a stream by 5 to 30 ms after its first word; delaying a response's head until there is data
- reading a model's output every 4 ms (a tenth less of the executor's time, and no earlier first word); leaving data
  after the first words unread for 1, 2 or 3 ms (36 rounds: first word of one stream after 5.7, 5.4 and 5.6 ms more than
  the model's, 5.7 without; of 32 no difference)
- schedulers of the broker that spin, or one instead of two
- a model server without ASGI (a third less of its time, a tenth more tokens a second, no earlier first word), and one
  that yields to every other process
- head and body of a response in one system call (3 % of a bare application's time)
- acknowledgements in batches 5 ms later
- a broker that never waits for its disk (three rounds each: first word of one stream after 5.8 ms more than the
  model's, 6.5 with; of 32 after 49.1 and 50.3; a sync call in 3.3 and 4.0 ms): accepted messages must survive
- records of runs a second later (first words of 32 no earlier)
- dispatching no jobs while others are being accepted, for half a second at most (330 accepted a second during the work
  instead of 177, but 100 done instead of 108, and few begun while callers continue)
- accepting two or three batches of jobs concurrently instead of one (469 and 498 accepted a second during the work, 524
  with one, five rounds each: CPU is the limit, not waiting)
- runs without the three indexes of pending work (a change is cheaper, but every reader of pending work reads all runs:
  247 to 261 jobs done a second instead of 305 to 317)
"""


def limits_page() -> str:
    """Return the page as Markdown."""
    if not LATEST.exists():
        return page(HEAD, "No measurements yet.")
    results = Results.read(LATEST)
    return page(
        HEAD,
        f"Measured {results.machine}.",
        section("Throughput", table(["", "reached", "aim", "reached / aim", "× baseline"], _reached(results))),
        section("CPU of a sync run, in µs", *_run(results)),
        section(
            "CPU of a streamed token, in µs",
            f"A stream has {TOKENS} tokens; these figures include the run's other costs.",
            table(["", *SERVICES, "all", "maximum, tokens/s"], _tokens(results)),
        ),
        section("Room for improvement", WAYS),
    )


def _reached(results: Results) -> Iterator[Sequence[str]]:
    aims = [(name, "per_second", RUNS) for name in SYNC] + [
        (name, "tokens_per_second", TOKENS_A_SECOND) for name in STREAMS
    ]
    for name, figure, aim in aims:
        found = results.figure(name, figure)
        if found:
            ratio = results.ratio(name, figure)
            against = f"{ratio:.2f} × {results.baseline_of(name)}" if ratio else ""
            yield [name, number(found.median), f"{aim:,}", f"{found.median / aim:.2f}", against]


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
        f"Together {number(total)} µs: {CORES} cores do {number(CORES * 1e6 / total)} runs a second at most, "
        f"without callers. For {RUNS:,} a run may take {number(room)} µs: "
        + (f"{number(total - room)} µs have to go." if total > room else ENOUGH)
    )
    largest = max(costs, key=lambda name: costs[name])
    without = CORES * 1e6 / (total - costs[largest])
    yield f"Without the largest part, {largest}, it would be {number(without)}."


def _tokens(results: Results) -> Iterator[Sequence[str]]:
    for name in STREAMS:
        costs = {service: cost / TOKENS for service, cost in _costs(results, name).items()}
        total = sum(costs.values())
        if total:
            yield [name, *map(number, costs.values()), number(total), number(CORES * 1e6 / total)]


def _costs(results: Results, scenario: str) -> dict[str, float]:
    found = {service: results.figure(scenario, f"{service}_cpu_us") for service in SERVICES}
    return {service: figure.median if figure else 0.0 for service, figure in found.items()}
