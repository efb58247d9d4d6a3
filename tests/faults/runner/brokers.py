"""The broker dies under waiting callers, becomes silent, raises an alarm, and receives garbage."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import BROKER, GATEWAYS, Scene
from tests.support.brokers import publish_raw, raw_channel
from tests.support.eventually import eventually, until
from tests.support.public_api import PublicApi
from tests.support.silent_proxy import Line
from tests.support.workflow_files import START, JsonObject, agent, start, workflow

from shared.broker.queue_topology import ASYNC, EVENTS, INTERACTIVE, RECORDS

CALLERS: Final = 16
LOAD_SECONDS: Final = 4.0
GARBAGE: Final = (b"", b"\x00\xff\x00garbage", b'{"type":"no.such.message","version":1}', b"[" * 1000)
CALM: Final = "0.6"
RECOVERY_SECONDS: Final = 90.0


async def kill_under_waiting_callers(scene: Scene) -> Sequence[Figure]:
    """Sync callers are answered, also those whose run was being published; no call hangs."""
    async with scene.api() as api, scene.api(GATEWAYS[1]) as other:
        workflow_id = await api.publish(_quick("broker-dies"))
        slowest, answers, back_at = 0.0, Counter[int](), 0.0
        stopping, killed_at = asyncio.Event(), float("inf")

        async def call_on_and_on(at: PublicApi) -> None:
            nonlocal slowest, back_at
            while not stopping.is_set():
                began = time.monotonic()
                status = await _status_of(at, workflow_id)
                ended = time.monotonic()
                if ended > killed_at:
                    slowest = max(slowest, ended - max(began, killed_at))
                    answers[status] += 1
                if began > killed_at and status == HTTPStatus.OK and not back_at:
                    back_at = ended
                await asyncio.sleep(0.05)

        callers = [asyncio.create_task(call_on_and_on((api, other)[n % 2])) for n in range(CALLERS)]
        await asyncio.sleep(LOAD_SECONDS)
        killed_at = time.monotonic()
        await scene.kill(BROKER)
        await asyncio.sleep(LOAD_SECONDS)
        reviving = time.monotonic()
        await scene.revive(BROKER)
        revived = time.monotonic()
        await eventually(lambda: back_at, seconds=RECOVERY_SECONDS)
        stopping.set()
        await asyncio.gather(*callers)
    return [
        Figure("callers waiting", CALLERS),
        Figure("slowest answer after the kill", slowest, "s", at_most=2),
        Figure("answers other than 200 and 503", sum(answers.values()) - answers[200] - answers[503], at_most=0),
        Figure("refused with 503", answers[503]),
        Figure("start of the broker", revived - reviving, "s"),
        Figure("served again after the broker is up", max(0.0, back_at - revived), "s", at_most=5),
    ]


async def cut_without_a_word(scene: Scene) -> Sequence[Figure]:
    """Packets between one gateway and the broker are dropped: no RST, nothing."""
    name, broker = GATEWAYS[1], urlsplit(scene.stack.amqp_url)
    async with Line([broker.port or 0]) as line, scene.api() as api:
        through = broker._replace(netloc=broker.netloc.replace(f":{broker.port}", f":{line.port}")).geturl()
        await scene.revive(name, FLOWPORT_AMQP_URL=through)
        workflow_id = await api.publish(_quick("line-cut"))
        async with scene.api(name) as alone:
            await until(lambda: _serves(alone, workflow_id), seconds=RECOVERY_SECONDS)
            line.cut()
            cut_at = time.monotonic()
            red = asyncio.create_task(until(lambda: _is_red(alone)))
            answer = await alone.run(workflow_id)
            answered = time.monotonic() - cut_at
            await red
            went_red = time.monotonic() - cut_at
            others = await api.run(workflow_id)
            line.restore()
            mended_at = time.monotonic()
            await until(lambda: _serves(alone, workflow_id), seconds=RECOVERY_SECONDS)
            healed = time.monotonic() - mended_at
    await scene.revive(name, FLOWPORT_AMQP_URL=scene.stack.amqp_url)
    return [
        Figure("status of a call during the cut", answer.status_code, at_least=503, at_most=503),
        Figure("answered after", answered, "s", at_most=5.5),
        Figure("readiness red after", went_red, "s", at_most=5.5),
        Figure("status at the other gateway during the cut", others.status_code, at_most=200),
        Figure("served again after the connection is restored", healed, "s", at_most=15),
    ]


async def alarm(scene: Scene) -> Sequence[Figure]:
    """The broker is out of memory and blocks publishers: sync calls are refused, queued ones are stored."""
    assert scene.stack.rabbitmq is not None
    ctl = scene.stack.rabbitmq.ctl
    async with scene.api() as api:
        workflow_id = await api.publish(_quick("alarm"))
        assert (await api.run(workflow_id)).is_success
        await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", "0.00001")
        try:
            await until(lambda: _is_red(api))
            began = time.monotonic()
            refused = await api.run(workflow_id)
            took = time.monotonic() - began
            jobs = [await api.queue(workflow_id) for _ in range(10)]
        finally:
            await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", CALM)
        ends = [await api.ended_job(job["jobId"], seconds=60) for job in jobs]
        await until(lambda: _serves(api, workflow_id), seconds=RECOVERY_SECONDS)
    return [
        Figure("status of a sync call", refused.status_code, at_least=503, at_most=503),
        Figure("answered after", took, "s", at_most=2),
        Figure("queued calls accepted during the alarm", len(jobs), at_least=10),
        Figure("of them completed afterwards", sum(end["status"] == "completed" for end in ends), at_least=10),
    ]


async def garbage(scene: Scene) -> Sequence[Figure]:
    """Bytes that no version ever wrote, in every work queue."""
    queues = (ASYNC, INTERACTIVE, RECORDS, EVENTS)
    async with scene.api() as api:
        workflow_id = await api.publish(_quick("garbage"))
        before = await _dead(api)
        async with raw_channel(scene.stack.amqp_url) as channel:
            for queue in queues:
                for body in GARBAGE:
                    await publish_raw(channel, body, queue)
        neighbors = [await api.run(workflow_id) for _ in range(20)]
        wanted = len(queues) * len(GARBAGE)
        await until(lambda: _has_dead(api, before + wanted))
        found = await _dead(api) - before
    return [
        Figure("unreadable messages", wanted),
        Figure("of them in /api/v1/dead-letters", found, at_least=wanted, at_most=wanted),
        Figure("failed calls of other callers", sum(not answer.is_success for answer in neighbors), at_most=0),
    ]


def _quick(name: str) -> JsonObject:
    return workflow(name, [start(), agent("a1", f"vllm/{name}", "Say this")], (START, "a1"))


async def _dead(api: PublicApi) -> int:
    answer = await api.http.get("/api/v1/dead-letters", params={"workspaceId": api.workspace_id, "limit": "100"})
    return len(answer.raise_for_status().json()["data"])


async def _has_dead(api: PublicApi, count: int) -> bool:
    return await _dead(api) >= count


async def _status_of(api: PublicApi, workflow_id: str) -> int:
    """Return the status of a call; 0 if the connection broke, or after half a minute of silence."""
    try:
        return (await api.run(workflow_id)).status_code
    except httpx2.HTTPError:
        return 0


async def _is_red(api: PublicApi) -> bool:
    return (await api.http.get("/readyz")).status_code == 503


async def _serves(api: PublicApi, workflow_id: str) -> bool:
    return (await api.run(workflow_id)).is_success


SCENARIOS: Final = (
    Scenario("broker-dies", "kill -9 of the broker under waiting sync callers (7)", kill_under_waiting_callers),
    Scenario("line-cut", "packets between a gateway and the broker are dropped, no RST (9)", cut_without_a_word),
    Scenario("alarm", "memory alarm at the broker, connection.blocked (24)", alarm),
    Scenario("garbage", "unreadable messages in every work queue (11)", garbage),
)
