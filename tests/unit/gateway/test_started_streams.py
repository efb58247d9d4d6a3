"""Streams that a call starts count against the caller's limits, in every API."""

from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway.agent_calls import SERVE, message
from tests.support.gateway.agent_calls import publish as publish_agent
from tests.support.gateway.published_chat import publish as publish_chat
from tests.support.gateway.system import Call, System, running_system
from tests.support.gateway.visitor import Visitor

from gateway.access.models import Role
from shared.contracts.events import RunStarted

LEGACY = "/api/workflows/W/execute"
V2 = "/api/v2/workflows/W/execute"
OPENAI = "/v1/chat/completions"
STREAM = {"stream": True}
COMPLETION = {"model": "W", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
A2A_CALL = {"jsonrpc": "2.0", "id": "c1", "method": "SendStreamingMessage", "params": message()}
BEGIN: dict[str, tuple[str, dict[str, Any]]] = {
    "legacy": (LEGACY, STREAM),
    "v2": (V2, STREAM),
    "openai": (OPENAI, COMPLETION),
    "a2a": (SERVE, A2A_CALL),
}
MESSAGE = "Too many event streams are open. Close one and retry."


def begin(system: System, path: str, body: object, *, key: str | None = "", address: str = "127.0.0.1") -> Call:
    shown = system.key if key == "" else key
    headers = {"content-type": "application/json", "a2a-version": "1.0", **({"x-api-key": shown} if shown else {})}
    return system.call("POST", path, headers=headers, body=msgspec.json.encode(body), address=address)


def runs_of(system: System) -> int:
    return len(system.worker.runs) + len(system.jobs.accepted)


@pytest.mark.parametrize("first", BEGIN)
@pytest.mark.parametrize("second", BEGIN)
async def test_a_stream_beyond_its_callers_limit_starts_no_run(first: str, second: str) -> None:
    async with running_system(streams_per_caller=1) as system:
        await publish_agent(system)
        system.worker.script = lambda run: [[RunStarted()]]
        held = begin(system, *BEGIN[first])
        await eventually(lambda: runs_of(system) == 1 and held.answer.status == 200)
        refused = await begin(system, *BEGIN[second]).done()
        assert refused.status == 429
        assert refused.headers["retry-after"] == "5"
        assert MESSAGE in refused.body.decode()
        assert runs_of(system) == 1
        await held.disconnect()
        later = begin(system, *BEGIN[second])
        await eventually(lambda: runs_of(system) == 2 and later.answer.status == 200)
        await later.disconnect()


async def test_each_api_formats_the_refusal_like_its_other_errors() -> None:
    async with running_system(streams_per_caller=1) as system:
        await publish_agent(system)
        system.worker.script = lambda run: [[RunStarted()]]
        held = begin(system, *BEGIN["legacy"])
        await eventually(lambda: held.answer.status == 200)
        legacy, v2, a2a = [(await begin(system, *BEGIN[each]).done()).json for each in ("legacy", "v2", "a2a")]
        assert (legacy["error"], legacy["code"]) == ("Too many requests", "TOO_MANY_STREAMS")
        assert (v2["error"]["code"], v2["error"]["message"]) == ("RATE_LIMITED", MESSAGE)
        assert (a2a["id"], a2a["error"]["message"]) == ("c1", MESSAGE)
        assert (await system.execute({"text": "no stream"}, headers={"X-Execution-Mode": "async"})).status == 202
        await held.disconnect()


async def test_a_stream_that_does_not_start_frees_its_slot() -> None:
    async with running_system(streams_per_caller=1) as system:
        system.worker.script = lambda run: [[RunStarted()]]
        for path in (LEGACY, V2):
            missing = path.replace("/W/", "/missing/")
            assert (await begin(system, missing, STREAM).done()).status == 404
        system.deployments.undeployed("D")
        for path in (LEGACY, V2):
            assert (await begin(system, path.replace("/W/", "/D/"), STREAM).done()).status in (403, 404)
        held = begin(system, V2, STREAM)
        await eventually(lambda: held.answer.status == 200)
        await held.disconnect()


async def test_streams_of_the_canvas_count_for_the_signed_in_member() -> None:
    async with running_system(streams_per_caller=1) as system:
        writer = await Visitor.with_role(system, Role.WRITE)
        system.worker.script = lambda run: [[RunStarted()]]
        held = writer.call("POST", LEGACY, STREAM)
        await eventually(lambda: held.answer.status == 200)
        assert (await writer.send("POST", LEGACY, STREAM)).status == 429
        other = begin(system, V2, STREAM)
        await eventually(lambda: other.answer.status == 200)
        await other.disconnect()
        await held.disconnect()


async def test_strangers_are_counted_by_address() -> None:
    async with running_system(streams_per_caller=1) as system:
        assert (await publish_chat(system)).status == 200
        system.worker.script = lambda run: [[RunStarted()]]
        path, body = "/api/chat/help-desk", {"input": "Hello"}
        held = begin(system, path, body, key=None, address="192.0.2.1")
        await eventually(lambda: held.answer.status == 200)
        assert (await begin(system, path, body, key=None, address="192.0.2.1").done()).status == 429
        other = begin(system, path, body, key=None, address="192.0.2.2")
        await eventually(lambda: other.answer.status == 200)
        await other.disconnect()
        await held.disconnect()
