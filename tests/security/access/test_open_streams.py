"""A caller that loses its access loses its open streams, in each wire format, and its waiting calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway import agent_calls, published_chat, tool_calls
from tests.support.gateway.clock import NOON
from tests.support.gateway.followed_worker import FollowedWorker
from tests.support.gateway.system import Answer, Call, System
from tests.support.gateway.visitor import Visitor, enroll
from tests.support.gateway.worker import Send, outcome

from gateway.access.models import ROTATE_AFTER, ROTATION_GRACE, Role
from shared.contracts.events import Chunk, RunEnded
from shared.contracts.messages import KeyRevoked
from shared.contracts.runs import RunSpec, Trigger
from shared.security.api_keys import hash_key

ENDED = "Access ended: the key, session or permission behind this call is no longer valid"
JSON = {"content-type": "application/json"}
QUESTION = {"model": "W", "messages": [{"role": "user", "content": "Hello"}]}
HELLO = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Hello"}]}}
TOOL_CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "workflow_w", "arguments": {}}}


@dataclass(frozen=True)
class Way:
    """A call that stays open while its run executes, and its error for lost access."""

    name: str
    method: str
    path: str
    body: Any
    error_text: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    is_durable: bool = False


def rpc(method: str, params: Any) -> Any:
    return {"jsonrpc": "2.0", "id": "c1", "method": method, "params": params}


A2A = (("a2a-version", "1.0"),)
ERROR = f'data: {{"event":"error","error":"{ENDED}"}}\n\n'
WAYS = (
    Way("legacy stream", "POST", "/api/workflows/W/execute", {"stream": True}, f'{ERROR}data: "[DONE]"\n\n'),
    Way("legacy sync", "POST", "/api/workflows/W/execute", {}, f'"error":"{ENDED}"', 401),
    Way("v2 sync", "POST", "/api/v2/workflows/W/execute", {}, '"code":"UNAUTHORIZED"', 401),
    Way(
        "v2 stream",
        "POST",
        "/api/v2/workflows/W/execute",
        {"stream": True},
        f'{ERROR}data: "[DONE]"\n\n',
        200,
        (),
        True,
    ),
    Way("v2 events", "GET", "/api/v2/workflows/W/runs/R1/events", None, f'{ERROR}data: "[DONE]"\n\n', 200, (), True),
    Way("canvas", "GET", "/api/workflows/W/executions/R1/stream", None, f'"error":"{ENDED}"', 200, (), True),
    Way("openai stream", "POST", "/v1/chat/completions", {**QUESTION, "stream": True}, f'"message":"{ENDED}"'),
    Way("openai sync", "POST", "/v1/chat/completions", QUESTION, f'"message":"{ENDED}"', 401),
    Way("a2a stream", "POST", agent_calls.SERVE, rpc("SendStreamingMessage", HELLO), "ACCESS_ENDED", 200, A2A, True),
    Way("a2a send", "POST", agent_calls.SERVE, rpc("SendMessage", HELLO), "ACCESS_ENDED", 401, A2A, True),
    Way(
        "a2a subscribe", "POST", agent_calls.SERVE, rpc("SubscribeToTask", {"id": "R1"}), "ACCESS_ENDED", 200, A2A, True
    ),
    Way("mcp tool", "POST", "/api/mcp/serve/S1", TOOL_CALL, "ACCESS_ENDED"),
)
ATTACHED = [way for way in WAYS if not way.is_durable]


@pytest.fixture(autouse=True)
async def published(system: System) -> None:
    """The workflow under every protocol, with a run that does not end."""

    async def speaks_once(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])

    await tool_calls.publish(system)
    await agent_calls.publish(system)
    system.worker.perform = speaks_once
    FollowedWorker.of(system, "R1", trigger=Trigger.A2A, conversation_id="C1")


async def opened(system: System, way: Way, shown: dict[str, str]) -> Call:
    body = b"" if way.body is None else msgspec.json.encode(way.body)
    accept = {"accept": "application/json, text/event-stream"}
    call = system.call(way.method, way.path, headers={**JSON, **accept, **dict(way.headers), **shown}, body=body)
    runs = len(system.worker.runs) + len(system.jobs.accepted)
    if way.method == "POST" and "Subscribe" not in str(way.body):
        await eventually(lambda: len(system.worker.runs) + len(system.jobs.accepted) > runs)
    else:
        await asyncio.wait_for(call.spoke.wait(), 30)
    await asyncio.sleep(0.05)
    assert not call.task.done(), call.answer.body
    return call


async def ended(call: Call) -> Answer:
    return await asyncio.wait_for(call.done(), 60)


Loss = Callable[[System, str], Awaitable[None]]


def key_path(system: System, key: str) -> str:
    return f"/api/workspaces/WS1/api-keys/{system.tenants.keys[hash_key(key)].id}"


async def revoke(system: System, key: str) -> None:
    assert (await system.send("DELETE", key_path(system, key))).status == 200


async def rotate(system: System, key: str) -> None:
    assert (await system.send("POST", f"{key_path(system, key)}/rotate", {})).status == 200


async def revoke_elsewhere(system: System, key: str) -> None:
    """Revoke the access at another gateway, which notifies this one."""
    system.tenants.revoke(key)
    await system.broker.control.broadcast(KeyRevoked(hash_key(key)))


async def revoke_unheard(system: System, key: str) -> None:
    """Revoke the access at another gateway, of which this one receives no notification."""
    system.tenants.revoke(key)
    system.clock.advance(1)


async def expire(system: System, key: str) -> None:
    system.clock.advance(timedelta(hours=2).total_seconds())


LOSSES: Sequence[Loss] = (revoke, rotate, revoke_elsewhere, revoke_unheard, expire)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_a_revoked_key_ends_each_kind_of_stream_with_its_error(system: System, way: Way) -> None:
    key = system.tenants.issue()
    call = await opened(system, way, {"x-api-key": key})
    await revoke(system, key)
    answer = await ended(call)
    assert (answer.status, way.error_text in answer.body.decode()) == (way.status, True), answer.body


@pytest.mark.parametrize("loss", LOSSES)
async def test_however_the_key_is_lost(system: System, loss: Loss) -> None:
    key = system.tenants.issue(expires_at=NOON + timedelta(hours=1))
    call = await opened(system, WAYS[0], {"authorization": f"Bearer {key}"})
    await loss(system, key)
    assert (await ended(call)).body.decode().endswith(WAYS[0].error_text)


@pytest.mark.parametrize("way", ATTACHED, ids=lambda way: way.name)
async def test_an_attached_run_is_cancelled_as_when_its_caller_disconnects(system: System, way: Way) -> None:
    key = system.tenants.issue()
    call = await opened(system, way, {"x-api-key": key})
    await revoke(system, key)
    await ended(call)
    await eventually(lambda: system.worker.cancelled == [system.worker.runs[0].run_id])


async def test_events_after_the_loss_are_not_delivered(system: System) -> None:
    go_on = asyncio.Event()

    async def goes_on(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])
        await go_on.wait()
        await send(1, [Chunk("B", "secret"), RunEnded(outcome({"v": "secret"}))])

    system.worker.perform = goes_on
    key = system.tenants.issue()
    call = await opened(system, WAYS[0], {"x-api-key": key})
    await revoke(system, key)
    go_on.set()
    assert b"secret" not in (await ended(call)).body


async def test_other_keys_read_on(system: System) -> None:
    lost, good = system.tenants.issue(), system.tenants.issue()
    calls = [await opened(system, WAYS[0], {"x-api-key": key}) for key in (lost, good)]
    await revoke(system, lost)
    await ended(calls[0])
    assert not calls[1].task.done()
    await calls[1].disconnect()


async def test_a_key_that_is_only_renamed_reads_on(system: System) -> None:
    key = system.tenants.issue()
    call = await opened(system, WAYS[0], {"x-api-key": key})
    assert (await system.send("PUT", key_path(system, key), {"name": "another"})).status == 200
    await asyncio.sleep(0.6)
    assert not call.task.done()
    await call.disconnect()


class TestPeople:
    """Members who are removed or demoted, and sessions that end."""

    @pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
    async def test_a_removed_member_reads_no_stream_by_personal_key(self, system: System, way: Way) -> None:
        key = system.tenants.issue_personal(enroll(system, "ann", Role.WRITE))
        call = await opened(system, way, {"x-api-key": key})
        assert (await system.send("DELETE", "/api/workspaces/WS1/members/u-ann")).status == 200
        system.clock.advance(1)
        answer = await ended(call)
        assert (answer.status, way.error_text in answer.body.decode()) == (way.status, True), answer.body

    async def test_a_workspace_that_forbids_personal_keys_ends_their_streams(self, system: System) -> None:
        key = system.tenants.issue_personal(enroll(system, "ann", Role.WRITE))
        call = await opened(system, WAYS[0], {"x-api-key": key})
        assert (await system.send("PATCH", "/api/workspaces/WS1", {"allowPersonalApiKeys": False})).status == 200
        system.clock.advance(1)
        assert (await ended(call)).body.decode().endswith(WAYS[0].error_text)

    async def test_a_demoted_member_with_read_access_continues_reading(self, system: System) -> None:
        key = system.tenants.issue_personal(enroll(system, "ann", Role.WRITE))
        call = await opened(system, WAYS[0], {"x-api-key": key})
        changed = await system.send("PATCH", "/api/workspaces/WS1/members/u-ann", {"role": "read"})
        assert changed.status == 200
        system.clock.advance(1)
        await asyncio.sleep(0.6)
        assert not call.task.done()
        await call.disconnect()

    async def test_signing_out_ends_the_streams_of_the_session(self, system: System) -> None:
        ann = await Visitor.with_role(system, Role.WRITE, "ann")
        call = ann.call("GET", "/api/workflows/W/executions/R1/stream")
        await asyncio.wait_for(call.spoke.wait(), 30)
        assert (await ann.send("POST", "/api/auth/sign-out")).status == 200
        assert ENDED in (await ended(call)).body.decode()

    async def test_a_session_whose_token_is_renewed_reads_on(self, system: System) -> None:
        ann = await Visitor.with_role(system, Role.WRITE, "ann")
        call = ann.call("GET", "/api/workflows/W/executions/R1/stream")
        await asyncio.wait_for(call.spoke.wait(), 30)
        before = ann.token
        system.clock.advance(ROTATE_AFTER.total_seconds())
        await ann.get("/api/auth/get-session")
        assert ann.token != before
        system.clock.advance(ROTATION_GRACE.total_seconds() + 1)
        await asyncio.sleep(0.6)
        assert not call.task.done()
        await call.disconnect()


class TestThePublic:
    """Callers without a key, whom a setting admits."""

    async def test_making_a_workflow_private_ends_public_streams(self, system: System) -> None:
        system.deployments.put("W", public=True)
        system.clock.advance(1)
        call = await opened(system, WAYS[0], {})
        assert (await system.send("PATCH", "/api/workflows/W/deploy", {"isPublicApi": False})).status == 200
        assert (await ended(call)).body.decode().endswith(WAYS[0].error_text)

    async def test_making_a_tool_server_private_ends_public_calls(self, system: System) -> None:
        assert (await system.send("PATCH", f"{tool_calls.SERVERS}/S1", {"isPublic": True})).status == 200
        call = await opened(system, WAYS[-1], {})
        assert (await system.send("PATCH", f"{tool_calls.SERVERS}/S1", {"isPublic": False})).status == 200
        assert "ACCESS_ENDED" in (await ended(call)).body.decode()

    @pytest.mark.parametrize(
        "change",
        [{"isActive": False}, {"authType": "password", "password": "open sesame"}],
        ids=["closed", "now with a password"],
    )
    async def test_a_chat_that_is_closed_to_them_ends_its_answers(self, system: System, change: Any) -> None:
        await published_chat.publish(system)
        call = await opened(system, Way("chat", "POST", "/api/chat/help-desk", {"input": "Hello"}, ERROR), {})
        assert (await system.send("PATCH", "/api/chat/manage/C1", change)).status == 200
        assert ERROR in (await ended(call)).body.decode()

    async def test_changing_a_password_ends_the_streams_of_the_old_one(self, system: System) -> None:
        await published_chat.publish(system, {**published_chat.CHAT, "authType": "password", "password": "open sesame"})
        body = {"input": "Hello", "password": "open sesame"}
        call = await opened(system, Way("chat", "POST", "/api/chat/help-desk", body, ERROR), {})
        await asyncio.sleep(0.6)
        assert not call.task.done(), "the password that was just said lets the answer go on"
        assert (await system.send("PATCH", "/api/chat/manage/C1", {"password": "another one"})).status == 200
        assert ERROR in (await ended(call)).body.decode()


async def test_streams_continue_while_the_store_of_keys_is_unavailable(system: System) -> None:
    key = system.tenants.issue()
    call = await opened(system, WAYS[0], {"x-api-key": key})
    system.tenants.is_down = True
    system.clock.advance(5)
    await asyncio.sleep(0.6)
    assert not call.task.done()
    system.tenants.is_down = False
    await revoke(system, key)
    assert (await ended(call)).body.decode().endswith(WAYS[0].error_text)


async def test_a_repetition_of_a_call_that_lost_its_access_runs_nothing_again(system: System) -> None:
    key, other = system.tenants.issue(), system.tenants.issue()
    for way in WAYS[:2]:
        runs = len(system.worker.runs)
        shown = {"x-api-key": key, "idempotency-key": way.name.replace(" ", "-")}
        call = await opened(system, way, shown)
        await revoke(system, key)
        first = await ended(call)
        again = await system.request(
            way.method, way.path, headers={**JSON, **shown, "x-api-key": other}, body=msgspec.json.encode(way.body)
        )
        assert (again.status, ENDED in again.body.decode()) == (first.status, True)
        assert len(system.worker.runs) == runs + 1
        key = system.tenants.issue()
