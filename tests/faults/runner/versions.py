"""deploy-service is killed while it promotes, and everything is restarted in turn under load."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Final

import httpx2
from tests.faults.harness.load import Callers
from tests.faults.harness.workflows import steps
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import DEPLOY, EXECUTORS, GATEWAYS, JOBS, Scene
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, JsonObject, response, start, workflow

KILLS: Final = 5
CALLERS: Final = 4
PAUSE_SECONDS: Final = 0.1


async def kill_while_promoting(scene: Scene) -> Sequence[Figure]:
    """Callers get the old version or the new one, never none."""
    chance, runs, promotions = scene.chance("promotes"), Counter[str](), Counter[int]()
    async with scene.api() as api, scene.api(GATEWAYS[1]) as other:
        workflow_id = await api.publish(_version(1))
        await _deploy_another(api, workflow_id, 2)
        stopping = asyncio.Event()

        async def promote_on_and_on() -> None:
            for number in count():
                if stopping.is_set():
                    return
                with suppress(httpx2.HTTPError):
                    promotions[await _promote(api, workflow_id, number % 2 + 1)] += 1
                await asyncio.sleep(PAUSE_SECONDS)

        async def call_on_and_on(at: PublicApi) -> None:
            while not stopping.is_set():
                answer = await at.run(workflow_id)
                runs[answer.text if answer.is_success else f"failed: {answer.status_code} {answer.text}"] += 1
                await asyncio.sleep(PAUSE_SECONDS)

        tasks = [
            asyncio.create_task(each) for each in (promote_on_and_on(), call_on_and_on(api), call_on_and_on(other))
        ]
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.5, 3))
            await scene.kill(DEPLOY)
            await scene.revive(DEPLOY)
        stopping.set()
        await asyncio.gather(*tasks)
        for text in [text for text in runs if text.startswith("failed")]:
            scene.say(text)
        settled = [await _promote(api, workflow_id, 2), (await other.run(workflow_id)).json()]
    return [
        Figure("kills", KILLS),
        Figure("promotions that were answered 200", promotions[200]),
        Figure("runs", runs.total()),
        Figure("runs that failed", sum(n for text, n in runs.items() if text.startswith("failed")), at_most=0),
        Figure("different answers", len(runs), at_most=2),
        Figure("version that runs after the last promotion to 2", settled[1]["version"], at_least=2),
    ]


async def restart_everything(scene: Scene) -> Sequence[Figure]:
    """Restart all seven processes, one after the other, under sync and queued calls through a balancer."""
    names = (*GATEWAYS, *EXECUTORS, *JOBS, DEPLOY)
    callers = Callers(scene.gateway_urls, scene.api_key, seed=scene.options.seed, keep_alive=True)
    async with scene.api() as api:
        workflow_id = await api.publish(steps(scene.witness.url, "roll"))
    numbers, stopping, broken = count(), asyncio.Event(), list[str]()

    began = time.monotonic()

    async def call_on_and_on() -> None:
        while not stopping.is_set():
            try:
                await callers.run(workflow_id, f"sync{next(numbers)}")
                await callers.queue(workflow_id, f"job{next(numbers)}")
            except (httpx2.HTTPError, TimeoutError) as error:
                broken.append(f"after {time.monotonic() - began:.1f} s: {type(error).__name__}: {error}")
            await asyncio.sleep(PAUSE_SECONDS)

    load = [asyncio.create_task(call_on_and_on()) for _ in range(CALLERS)]
    for name in names:
        await asyncio.sleep(1)
        await scene.revive(name)
        taken = f"{callers.counts.finished} finished, {len(callers.counts.refused)} refused"
        scene.say(f"{name} restarted after {time.monotonic() - began:.1f} s; {taken}")
    stopping.set()
    await asyncio.gather(*load)
    took = time.monotonic() - began
    ends = await callers.ended(seconds=60)
    await callers.close()
    counts = callers.counts
    for line in [*counts.refused, *counts.broken, *broken][:5]:
        scene.say(line)
    jobs = counts.accepted
    return [
        Figure("processes restarted", len(names)),
        Figure("calls", next(numbers)),
        Figure("calls per second", next(numbers) / took),
        Figure("calls refused", len(counts.refused), at_most=0),
        Figure("calls broken", len(counts.broken) + len(broken), at_most=0),
        Figure("jobs that did not complete", sum(end["status"] != "completed" for end in ends.values()), at_most=0),
        Figure("jobs whose step ran twice", sum(scene.witness.calls("roll", name) > 1 for name in jobs), at_most=0),
    ]


def _version(number: int) -> JsonObject:
    return workflow("Versions", [start(), response("r1", f'{{"version": {number}}}')], (START, "r1"))


async def _deploy_another(api: PublicApi, workflow_id: str, number: int) -> None:
    state = _version(number)["state"]
    (await api.http.put(f"/api/workflows/{workflow_id}/state", json=state)).raise_for_status()
    (await api.deploy(workflow_id)).raise_for_status()


async def _promote(api: PublicApi, workflow_id: str, number: int) -> int:
    answer = await api.http.patch(f"/api/workflows/{workflow_id}/deployments/{number}", json={"isActive": True})
    return answer.status_code


SCENARIOS: Final = (
    Scenario("promotes", "deploy-service killed while it promotes (6)", kill_while_promoting),
    Scenario("rolling", "SIGTERM and restart of every process under load (20)", restart_everything),
)
