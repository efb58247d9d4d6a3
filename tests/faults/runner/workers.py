"""Workers: frozen and resumed, with hostile code, and with wrong clocks."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final

from tests.faults.harness.load import Callers
from tests.faults.harness.workflows import steps
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import EXECUTORS, JOBS, Scene
from tests.support.eventually import eventually
from tests.support.workflow_files import START, block, start, workflow

FROZEN_SECONDS: Final = 60.0
FROZEN_JOBS: Final = 40
SKEW_SECONDS: Final = 300
SKEWED_JOBS: Final = 60
FAKETIME: Final = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
EATERS: Final = {
    "eats memory": "const a = []; while (true) a.push(new Array(1000000).fill(Math.random()));",
    "spins": "while (true) {}",
    "recurses": "const f = () => f() + 1; return f();",
}


async def freeze_and_thaw(scene: Scene) -> Sequence[Figure]:
    """A worker freezes for a minute in the middle of its runs, and then continues."""
    callers = Callers(scene.gateway_urls, scene.api_key, seed=scene.options.seed)
    async with scene.api() as api:
        workflow_id = await api.publish(steps(scene.witness.url, "ice-a", "ice-b", posts=["ice-b"]))
    scene.witness.hold("ice-a")
    names = [f"i{n}" for n in range(FROZEN_JOBS)]
    await asyncio.gather(*(callers.queue(workflow_id, name) for name in names))
    await eventually(lambda: scene.witness.calls("ice-a") >= FROZEN_JOBS, seconds=60)
    scene.stack.kill(EXECUTORS[0], SIGSTOP)
    frozen_at = time.monotonic()
    scene.witness.let_go("ice-a")
    ends = await callers.ended(seconds=FROZEN_SECONDS)
    took_over = time.monotonic() - frozen_at
    await asyncio.sleep(max(0.0, FROZEN_SECONDS - took_over))
    scene.stack.kill(EXECUTORS[0], SIGCONT)
    await asyncio.sleep(5)
    after = await callers.ended(seconds=30)
    await callers.close()
    return [
        Figure("frozen for", FROZEN_SECONDS, "s"),
        Figure("jobs", len(ends)),
        Figure("all of them ended after", took_over, "s", at_most=30),
        Figure("completed", sum(end["status"] == "completed" for end in ends.values()), at_least=FROZEN_JOBS),
        Figure("ends that changed when it was thawed", sum(after[name] != ends[name] for name in names), at_most=0),
        Figure(
            "calls begun twice that must not be",
            sum(scene.witness.calls("ice-b", name) > 1 for name in names),
            at_most=0,
        ),
    ]


async def hostile_code(scene: Scene) -> Sequence[Figure]:
    """Code that exhausts memory, spins or recurses without end, concurrently with calls that do not."""
    async with scene.api() as api:
        quick = await api.publish(workflow("Neighbor", [start()]))
        pids = [scene.stack.pid(name) for name in EXECUTORS]
        ids = {
            name: await api.publish(
                workflow(name, [start(), block("f1", "function", "F", code=code, timeout="3000")], (START, "f1"))
            )
            for name, code in EATERS.items()
        }
        hostile = [asyncio.create_task(api.run(each)) for each in ids.values() for _ in range(2)]
        failed = calls = 0
        while not all(task.done() for task in hostile):
            failed += not (await api.run(quick)).is_success
            calls += 1
            await asyncio.sleep(0.05)
        answers = [task.result().json() for task in hostile]
    for name, answer in zip(ids, answers[::2], strict=True):
        scene.say(f"{name}: {answer.get('error')}")
    return [
        Figure("hostile runs", len(answers)),
        Figure(
            "ended as failed, with a reason", sum(bool(each.get("error")) for each in answers), at_least=len(answers)
        ),
        Figure("neighbors' calls", calls),
        Figure("of them failed", failed, at_most=0),
        Figure("executors that died", sum(scene.stack.pid(name) not in pids for name in EXECUTORS), at_most=0),
    ]


async def wrong_clocks(scene: Scene) -> Sequence[Figure]:
    """One executor is five minutes fast, one jobs-service five minutes slow; no lease or timeout ends early."""
    if FAKETIME is None:
        raise LookupError("not run: Debian's faketime is not installed")
    fake = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    skewed = {EXECUTORS[1]: f"+{SKEW_SECONDS}s", JOBS[1]: f"-{SKEW_SECONDS}s"}
    for name, skew in skewed.items():
        await scene.revive(name, **fake, FAKETIME=skew)
    callers = Callers(scene.gateway_urls, scene.api_key, seed=scene.options.seed)
    try:
        async with scene.api() as api:
            workflow_id = await api.publish(steps(scene.witness.url, "skew-a", "skew-b", posts=["skew-b"]))
        names = [f"s{n}" for n in range(SKEWED_JOBS)]
        scene.witness.hold("skew-a")
        await asyncio.gather(*(callers.queue(workflow_id, name) for name in names))
        await asyncio.sleep(20)  # longer than a lease
        scene.witness.let_go("skew-a")
        ends = await callers.ended(seconds=60)
    finally:
        await callers.close()
        for name in skewed:
            await scene.revive(name, LD_PRELOAD="", FAKETIME="")
    twice = sum(scene.witness.calls(step, name) > 1 for step in ("skew-a", "skew-b") for name in names)
    return [
        Figure("clocks apart by", 2 * SKEW_SECONDS, "s"),
        Figure("jobs that outlast their lease", len(ends)),
        Figure("not completed", sum(end["status"] != "completed" for end in ends.values()), at_most=0),
        Figure("steps called twice: a lease that ended early", twice, at_most=0),
    ]


SCENARIOS: Final = (
    Scenario("frozen", "SIGSTOP of a worker for 60 s, and back (4)", freeze_and_thaw),
    Scenario("hostile-code", "code that eats memory, spins, recurses (21)", hostile_code),
    Scenario("clocks", "clocks five minutes off, either way (16)", wrong_clocks),
)
