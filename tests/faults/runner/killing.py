"""Every process is killed in turn, at random times, under a steady load of queued jobs."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.faults.harness.journal import JournalWatch, runs_without_an_end
from tests.faults.harness.steady import Job, SteadyLoad
from tests.faults.harness.workflows import steps
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import BROKER, DEPLOY, EXECUTORS, GATEWAYS, JOBS, STORE, Scene

STEPS: Final = ("first", "count", "last")
QUIET_SECONDS: Final = (2.0, 6.0)
"""Time from one recovery to the next kill."""
RECOVERY_SECONDS: Final = 10.0
REACHED: Final = 0.98
"""Minimum share of the requested rate: below it, the test would be another one."""
SETTLE_SECONDS: Final = 90.0
REPORT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Kill:
    """A kill: the process, its time (Unix time), and how long its restart took."""

    victim: str
    at: float
    restart_seconds: float


async def kill_everything_in_turn(scene: Scene) -> Sequence[Figure]:
    """No accepted run is lost and no journaled block runs again, whatever dies."""
    async with scene.api() as api:
        workflow_id = await api.publish(steps(scene.witness.url, *STEPS))
    options = scene.options
    load = SteadyLoad(scene.gateway_urls, scene.api_key, workflow_id, rate=options.rate, seed=options.seed)
    watch = JournalWatch(scene.stack.mongodb_uri, scene.witness, load.names.get)
    stopping, settled = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.go_on(settled))
        tasks.create_task(_report(scene, load, settled))
        loading = tasks.create_task(load.go_on(stopping))
        kills = await _kill_in_turn(scene)
        stopping.set()
        await loading
        await load.settle(seconds=SETTLE_SECONDS)
        settled.set()
    await load.close()
    return [*_judge(scene, load, watch), *_recoveries(load, kills)]


async def _kill_in_turn(scene: Scene) -> list[Kill]:
    chance = scene.chance("kills")
    give_up = time.monotonic() + scene.options.seconds
    kills: list[Kill] = []
    for victim in _victims(chance):
        await asyncio.sleep(chance.uniform(*QUIET_SECONDS))
        if time.monotonic() > give_up:
            break
        at, began = time.time(), time.monotonic()
        await scene.kill(victim)
        await scene.revive(victim)
        kills.append(Kill(victim, at, time.monotonic() - began))
        scene.say(f"killed {victim}, back after {kills[-1].restart_seconds:.1f} s")
    await asyncio.sleep(QUIET_SECONDS[1])
    return kills


def _victims(chance: Random) -> Iterator[str]:
    for group in itertools.cycle((EXECUTORS, JOBS, GATEWAYS, (DEPLOY,), (BROKER,), (STORE,))):
        yield chance.choice(group)


async def _report(scene: Scene, load: SteadyLoad, settled: asyncio.Event) -> None:
    began = time.monotonic()
    while not settled.is_set():
        await asyncio.sleep(REPORT_SECONDS)
        other_answers = ", ".join(f"{count} × {answer}" for answer, count in load.answers.items()) or "none"
        counts = f"{load.offered} offered, {len(load.jobs)} accepted, {load.ended} ended"
        scene.say(f"{time.monotonic() - began:4.0f} s: {counts}; other answers: {other_answers}")


def _judge(scene: Scene, load: SteadyLoad, watch: JournalWatch) -> list[Figure]:
    jobs = load.jobs.values()
    for job in [job for job in jobs if job.status == "failed"][:5]:
        scene.say(f"failed: {job.run_id}: {job.error}")
    done = [job for job in jobs if job.status == "completed"]
    false = [job for job in done if not all(scene.witness.calls(step, job.name) for step in STEPS)]
    again = [job for job in done if scene.witness.calls("count", job.name) > 1]
    return [
        Figure("calls made per second", load.offered / load.loaded_seconds, at_least=scene.options.rate * REACHED),
        Figure("maximum delay of a call", load.latest_seconds, "s"),
        Figure("jobs accepted", len(jobs)),
        Figure("accepted and lost", sum(job.ended_at is None for job in jobs), at_most=0),
        Figure("runs in the store without an end", runs_without_an_end(scene.stack.mongodb_uri), at_most=0),
        Figure("failed", sum(job.status == "failed" for job in jobs), at_most=0),
        Figure("completed without all of their steps", len(false), at_most=0),
        Figure("journaled blocks compared", watch.seen),
        Figure("journaled blocks run twice", len(watch.repeated_blocks()), at_most=0),
        Figure("middle blocks called again, in doubt and not yet journaled", len(again)),
        *(Figure(f"calls not accepted: {answer}", count) for answer, count in sorted(load.answers.items())),
    ]


def _recoveries(load: SteadyLoad, kills: Sequence[Kill]) -> Iterator[Figure]:
    jobs = list(load.jobs.values())
    for number, kill in enumerate(kills, 1):
        what = f"kill {number}, {kill.victim}"
        yield Figure(f"{what}: recovered after", _recovery(jobs, kill), "s", at_most=RECOVERY_SECONDS)
        yield Figure(f"{what}: all earlier jobs ended after", _last_end(jobs, kill), "s")
        yield Figure(f"{what}: process ready after", kill.restart_seconds, "s")


def _recovery(jobs: Sequence[Job], kill: Kill) -> float:
    """Return when all jobs of that time, and a later one, had ended, as callers see it; the queue's state does not
    count."""
    before = [job.ended_at for job in jobs if job.began_at and job.ended_at and job.began_at < kill.at]
    after = [job.ended_at for job in jobs if job.began_at and job.ended_at and job.began_at >= kill.at]
    return max(max(before, default=kill.at), min(after, default=float("inf"))) - kill.at


def _last_end(jobs: Sequence[Job], kill: Kill) -> float:
    ends = [job.ended_at for job in jobs if job.accepted_at < kill.at and job.ended_at]
    return max(0.0, max(ends, default=kill.at) - kill.at)


SCENARIOS: Final = (
    Scenario(
        "kills",
        "kill -9 in turn of executor, jobs-service, gateway, deploy-service, broker, store",
        kill_everything_in_turn,
    ),
)
