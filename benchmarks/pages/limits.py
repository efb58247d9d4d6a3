"""docs/operations/limits.md: how far two cores go, and what stands in the way of going further."""

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.pages.capacity import SERVICES
from benchmarks.pages.markdown import number, page, section, table
from benchmarks.results import LATEST, Results
from benchmarks.workflows import TOKENS

HEAD: Final = """\
# What stands in the way

Written by `make docs` from `benchmarks/results`. The aim is 3,000 sync runs and 100,000 streamed tokens a second on
two cores, with everything on them: callers, services, broker and store. This page says how far that is, and which part
takes how much of it.
"""
CORES: Final = 2
RUNS, TOKENS_A_SECOND = 3_000, 100_000
SYNC: Final = ("sync no-op, 32 callers", "sync no-op, 128 callers")
STREAMS: Final = ("200 tokens, 32 streams", "200 tokens, 128 streams", "200 tokens of a model, 32 streams")
NAMES: Final = {
    "gateway": "HTTP (uvicorn and FastAPI), the key, limits, and the reply's way back",
    "executor-service": "taking the message, the workflow's blocks, the reply and the record",
    "jobs-service": "records of runs, put together into few writes",
    "deploy-service": "nothing on this path: what is live is cached where it is used",
    "store": "one document a run, and an entry in each index: SecantusDB is written in Python",
    "broker": "the request and its acknowledgement, the reply, and a share in a batch of records",
}
ENOUGH: Final = "what is missing goes to the callers, and to moments in which a core waits for another."
WAYS: Final = """\
- **The store** is not ours to make quicker. Its work is one insert a run, in batches already; fewer indexes on runs
  would take from the lists that people filter. A MongoDB server in its place was not measured.
- **Python around a call**: a bare FastAPI that only echoes is measured beside it (`bare web`), and so is the same
  framework with aio-pika, a queue and a worker, and none of our features (`bare broker path`). What is between that
  and ours is keys, limits, versions, the engine and records.
- **Two cores for six processes and the callers**: above 32 callers the rate does not grow any more. More cores, and
  more processes on them, are the way on; [capacity](capacity.md) says what each takes.
- **A queued job** is changed three times in the store after it was accepted, by statements that change up to sixteen
  or thirty-two jobs at once. SecantusDB takes 0.5 to 0.6 ms of one core for each change that way, more than twice that
  where each is a statement of its own, and 0.3 ms for the insert. Two fifths of a change are spent on reading which
  indexes runs have: nine, four times for each document; and each entry is written again. So jobs are
  accepted faster while no worker works than beside the work; both are in `benchmarks/results`.
- **A token of a real model** is read from HTTP in the executor by a parser in C, and words that come together are told
  together. The times that follow are of a machine half as fast: a stream of 200 words takes it 1.9 ms, of which a fifth
  is the run itself. When 32 begin at once, they pass each process in one wave after the other (the kernel's scheduler,
  24 times, on Python 3.13): for 12 ms the gateway takes them in, and the other core is idle for half of that; from the
  16th ms on both are busy, the executor with 75 % of one, the model server with 60, the store and jobs-service with 30
  (the runs before), broker and gateway with 10 each; the sixteenth first word is there after 34. One stream alone waits
  2.2 ms for its way to the worker, 1.8 ms there with the model's answer in it, and 2.0 ms for its first word's way
  back.
- **The machine**: everything else on it stood still for the tables above. Still the times are those of one machine:
  hours before, the same path did 1,086 runs a second with 32 callers on another kind of two cores, and the engine took
  73 µs for a block. The ratio to the bare path was the same there, 0.91. Who shares a core with us is in no count, so
  a measurement after which the machine is slow is made again.
- **What was done last**, each by turns with the version before: those who ask for their jobs at the same time are
  answered by one reading of the store (32 callers hear of theirs 2,940 to 3,250 times a second instead of 1,380 to
  1,670). Before that, on slower machines: a call that finds a worker free waits for no disk ([ADR
  25](../adr/0025-a-call-that-finds-a-worker-free-waits-for-no-disk.md): one caller waits 2.4 ms instead of 3.6); a
  block that waits for nothing takes no turn of the loop (42 to 44 µs a block instead of 57 to 61); a queued run costs
  the store 7.3 ms of processor time instead of 10.0; an executor has 128 interactive slots and not 64 (the first word
  of 128 streams with one each 10 ms comes after 0.39 s instead of 1.25). And a run leaves nothing to the garbage
  collector: each had held itself, 80 objects and its input, until a collection, and collections took 4.7 % of the
  processor time at 32 callers, 3.9 % with 128 streams, and up to 57 ms at once in an executor. With the same load there
  is one now, of 10 ms. The first word of 32 streams came after 32.7 ms instead of 39.3 without any (six rounds).

Tried, each by turns with what it would replace, and left: publishing each call at once instead of with the others of
the same turn of the loop, or with those of the last millisecond; beginning one, two or four calls a turn; beginning a
call where it comes in, and following it to its first wait (Python's eager tasks: first word of 32 after 43.4 ms more
than the model's, 41.7 without, six rounds; with one call a turn 48.1); handing each turn's messages to the kernel at
once, and not when uvloop does (36.8, 35.6 without, nine rounds); holding a stream back for 5 to 30 ms after its first
word; holding the answer's head until there is something to say; reading what a model says every 4 ms (a tenth less of
the executor's time, and no earlier first word); leaving what follows the first words unread for 1, 2 or 3 ms (36
rounds: first word of one stream after 5.7, 5.4 and 5.6 ms more than the model's, 5.7 without; of 32 no difference);
schedulers of the broker that spin, or one instead of two; a model server without ASGI (a third less of its time, a
tenth more tokens a second, no earlier first word), and one that makes way for every other process; head and body of an
answer in one system call (3 % of a bare application's time); acknowledgements together, 5 ms later; a broker that
never waits for its disk (three rounds each: first word of one stream after 5.8 ms more than the model's, 6.5 with; of
32 after 49.1 and 50.3; a sync call in 3.3 and 4.0 ms): what it accepts must survive; records of runs a second later
(first words of 32 no earlier); handing out no jobs while others are being accepted, for half a second at most (330
accepted a second beside the work instead of 177, but 100 done instead of 108, and few begun for as long as the callers
go on); accepting two or three batches of jobs at once instead of one (469 and 498 accepted a second beside the work,
524 with one, five rounds each: it is work that is in the way, and no wait); runs without the three indexes of what is
still to be done about them (a change is cheaper, but who looks for them reads all runs: 247 to 261 jobs done a second
instead of 305 to 317).
"""


def limits_page() -> str:
    """The page."""
    if not LATEST.exists():
        return page(HEAD, "Nothing was measured yet.")
    results = Results.read(LATEST)
    return page(
        HEAD,
        f"Measured {results.machine}.",
        section("How far", table(["", "reached", "aim", "reached / aim", "× baseline"], _reached(results))),
        section("A sync run, in µs of processor time", *_run(results)),
        section(
            "A streamed token, in µs of processor time",
            f"A stream has {TOKENS} tokens; what a run costs besides its tokens is in these figures, too.",
            table(["", *SERVICES, "all", "so at most, tokens/s"], _tokens(results)),
        ),
        section("What is left to take", WAYS),
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
        ["", "µs", "share", "is"],
        ([name, number(cost), f"{cost / total:.0%}", NAMES[name]] for name, cost in costs.items()),
    )
    room = CORES * 1e6 / RUNS
    yield (
        f"Together {number(total)} µs, so that {CORES} cores do {number(CORES * 1e6 / total)} runs a second at most, "
        f"callers not counted. For {RUNS:,} a run may take {number(room)} µs: "
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
