"""Calls with an idempotency key run once, in every mode of both API generations."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.gateway.clock import NOON
from tests.support.gateway.followed_worker import FollowedWorker
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Answer, Call, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import Send, ends, outcome

from shared.contracts.events import Chunk, RunEnded
from shared.contracts.runs import ErrorCode, RunError, RunSpec, RunStatus
from shared.errors import AtCapacity, OutcomeUncertain, Unavailable

KEY = {"Idempotency-Key": "order-17"}
MODES: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "legacy sync": ("/api/workflows/W/execute", {}, {"q": 1}),
    "legacy stream": ("/api/workflows/W/execute", {"X-Stream-Response": "true"}, {"q": 1}),
    "legacy async": ("/api/workflows/W/execute", {"X-Execution-Mode": "async"}, {"q": 1}),
    "v2 sync": ("/api/v2/workflows/W/execute", {}, {"input": {"q": 1}}),
    "v2 stream": ("/api/v2/workflows/W/execute", {"X-Run-Id": "R1"}, {"input": {"q": 1}, "stream": True}),
    "v2 async": ("/api/v2/workflows/W/execute", {}, {"input": {"q": 1}, "async": True}),
}
everywhere = pytest.mark.parametrize("mode", MODES)


async def send(system: System, mode: str, key: dict[str, str] | None = None) -> Answer:
    path, headers, body = MODES[mode]
    return await system.send("POST", path, body, headers={**headers, **(KEY if key is None else key)})


def runs(system: System) -> int:
    return len(system.worker.runs) + len(system.jobs.accepted)


@everywhere
async def test_a_repetition_gets_the_first_answer(system: System, mode: str) -> None:
    FollowedWorker.of(system).ends()
    first, second = await send(system, mode), await send(system, mode)
    assert runs(system) == 1
    assert first.status == second.status
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    for name in ("content-type", "x-execution-id", "x-run-id"):
        assert first.headers.get(name) == second.headers.get(name)
    assert first.body.endswith(second.body)
    if "stream" not in mode:
        assert first.body == second.body


async def test_a_repeated_stream_is_its_end(system: System) -> None:
    async def speaks(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one ")])
        await send(1, [Chunk("B", "two"), RunEnded(outcome({"content": "one two"}))])

    system.worker.perform = speaks
    first, second = await send(system, "legacy stream"), await send(system, "legacy stream")
    assert b"chunk" in first.body
    assert second.body.decode() == (
        'data: {"event":"final","data":{"success":true,"output":{"content":"one two"}}}\n\ndata: "[DONE]"\n\n'
    )


@everywhere
async def test_another_body_is_409(system: System, mode: str) -> None:
    await send(system, mode)
    path, headers, body = MODES[mode]
    other = {**body, "input": {"q": 2}}
    answer = await system.send("POST", path, other, headers={**headers, **KEY})
    assert answer.status == 409
    code = answer.json["error"]["details"]["code"] if "v2" in path else answer.json["code"]
    assert code == "IDEMPOTENCY_KEY_REUSED"
    assert runs(system) == 1


async def test_another_mode_is_another_request(system: System) -> None:
    await send(system, "legacy sync")
    assert (await send(system, "legacy async")).json["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_key_at_another_endpoint_replays_in_that_endpoints_format(system: System) -> None:
    await send(system, "legacy sync")
    assert (await send(system, "v2 sync")).json["error"]["details"]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_calls_without_a_key_store_no_record(system: System) -> None:
    await send(system, "legacy sync", {})
    await send(system, "legacy sync", {})
    assert runs(system) == 2
    assert not system.calls.records


def held_call(system: System, mode: str) -> tuple[Call, asyncio.Event]:
    held = asyncio.Event()

    async def waits(run: RunSpec, send: Send) -> None:
        await held.wait()
        await send(0, [RunEnded(outcome({"done": True}))])

    system.worker.perform = waits
    _, headers, body = MODES[mode]
    return system.execute_call(body, headers={**headers, **KEY}), held


@pytest.mark.parametrize("mode", ["legacy sync", "legacy stream"])
async def test_concurrent_calls_run_once_and_the_others_get_a_retry_time(system: System, mode: str) -> None:
    call, held = held_call(system, mode)
    await eventually(lambda: system.worker.runs)
    refused = await asyncio.gather(*(send(system, mode) for _ in range(5)))
    assert {(answer.status, answer.json["code"]) for answer in refused} == {(409, "IDEMPOTENCY_KEY_IN_USE")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    held.set()
    assert (await call.done()).status == 200
    assert (await send(system, mode)).headers["idempotent-replayed"] == "true"
    assert runs(system) == 1


@pytest.mark.parametrize("mode", ["legacy sync", "legacy stream"])
async def test_a_disconnected_caller_returns_for_the_answer(system: System, mode: str) -> None:
    call, held = held_call(system, mode)
    await eventually(lambda: system.worker.runs)
    call.disconnected.set()
    await asyncio.sleep(0)
    held.set()
    await call.done()
    assert b'"done":true' in (await send(system, mode)).body
    assert system.worker.cancelled == []
    assert runs(system) == 1


async def test_a_failed_run_is_an_answer_like_any_other(system: System) -> None:
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "boom", block_name="Fn")
    system.worker.script = ends(outcome(status=RunStatus.FAILED, error=error))
    first, second = await send(system, "legacy sync"), await send(system, "legacy sync")
    assert (first.status, second.status, runs(system)) == (500, 500, 1)
    assert first.body == second.body


@pytest.mark.parametrize("mode", ["legacy async", "v2 async"])
async def test_a_refused_call_may_be_retried(system: System, mode: str) -> None:
    system.jobs.refusal = AtCapacity("full")
    assert (await send(system, mode)).status == 503
    system.jobs.refusal = None
    answer = await send(system, mode)
    assert answer.status == 202
    assert "idempotent-replayed" not in answer.headers


async def test_an_undeployed_workflow_stores_no_record(system: System) -> None:
    system.deployments.undeployed("W")
    assert (await send(system, "legacy sync")).status == 403
    assert not system.calls.records


async def test_after_a_day_the_key_is_free(system: System) -> None:
    await send(system, "legacy sync")
    system.clock.advance(timedelta(hours=24).total_seconds())
    assert "idempotent-replayed" not in (await send(system, "legacy sync")).headers
    assert runs(system) == 2


async def test_a_key_belongs_to_one_workflow_of_one_workspace(system: System) -> None:
    system.deployments.put("V")
    system.deployments.put("X", workspace_id=OTHER.id)
    await send(system, "legacy sync")
    assert (await system.execute({"other": 1}, workflow="V", headers=KEY)).status == 200
    theirs = await system.execute({"q": 1}, workflow="X", headers=KEY, key=system.tenants.issue(OTHER))
    assert theirs.status == 200
    assert "idempotent-replayed" not in theirs.headers
    assert runs(system) == 3


async def test_the_public_does_not_see_the_answers_of_key_holders(system: System) -> None:
    system.deployments.put("W", public=True)
    await send(system, "legacy sync")
    answer = await system.execute({"q": 1}, headers=KEY, key=None)
    assert "idempotent-replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
async def test_a_key_out_of_shape_is_400(system: System, key: str) -> None:
    answer = await send(system, "legacy sync", {"Idempotency-Key": key})
    assert (answer.status, answer.json["error"]) == (400, "Invalid idempotency key header")


async def test_without_the_records_a_key_cannot_be_honoured(system: System) -> None:
    system.calls.is_down = True
    answer = await send(system, "legacy sync")
    assert (answer.status, answer.json) == (503, {"error": "Service temporarily unavailable"})
    assert runs(system) == 0


async def test_a_queued_run_whose_gateway_died_is_found_again(system: System) -> None:
    first = await send(system, "legacy async")
    run_id = first.headers["x-execution-id"]
    name, (record, _, expires_at) = next(iter(system.calls.records.items()))
    system.calls.records[name] = (record, None, expires_at)  # its gateway died before it stored the answer
    system.calls.lose_holders()
    system.jobs.views[run_id] = a_view(RunStatus.QUEUED, run_id=run_id, created_at=NOON)
    second = await send(system, "legacy async")
    assert (second.status, second.json) == (202, first.json)
    assert len(system.jobs.accepted) == 1


@pytest.mark.parametrize("mode", ["legacy async", "v2 async"])
@pytest.mark.parametrize("lost", [OutcomeUncertain(), Unavailable("the store does not respond")])
async def test_a_stored_run_with_a_lost_confirmation_is_not_queued_again(
    system: System, mode: str, lost: Exception
) -> None:
    system.jobs.shows_accepted = True
    system.jobs.lost_answer = lost
    assert (await send(system, mode)).status == 503
    assert (await send(system, mode)).status == 202
    assert runs(system) == 1


async def test_a_stored_durable_stream_with_a_lost_confirmation_is_followed(system: System) -> None:
    worker = FollowedWorker.of(system)
    system.jobs.lost_answer = OutcomeUncertain()
    assert (await durable_stream(system).done()).status == 503
    again = durable_stream(system)
    worker.ends()
    await worker.report(RunEnded(outcome()), live=False)
    assert b"[DONE]" in (await again.done()).body
    assert runs(system) == 1


async def test_a_run_continues_for_returning_callers_when_its_reader_disappears() -> None:
    async def pours(run: RunSpec, send: Send) -> None:
        for seq in range(20):
            await send(seq, [Chunk("B", "x" * 20_000)])
        await send(20, [RunEnded(outcome())])

    async with running_system(stream_write_seconds=0.2) as system:
        system.worker.perform = pours
        _, headers, body = MODES["legacy stream"]
        call = system.execute_call(body, headers={**headers, **KEY})
        await call.spoke.wait()
        call.reading.clear()
        await call.done()
        assert b"[DONE]" not in call.answer.body
        assert system.worker.cancelled == []
        again = await send(system, "legacy stream")
        assert (again.headers["idempotent-replayed"], again.body[-16:]) == ("true", b'data: "[DONE]"\n\n')
        assert runs(system) == 1


async def test_a_run_that_was_not_stored_after_all_is_queued_by_the_next_call(system: System) -> None:
    system.jobs.refusal = Unavailable("the store does not respond")
    assert (await send(system, "legacy async")).status == 503
    system.jobs.refusal = None
    assert (await send(system, "legacy async")).status == 202
    assert runs(system) == 1


async def test_a_run_of_a_dead_gateway_is_not_restarted_by_retries(system: System) -> None:
    call, _ = held_call(system, "legacy sync")
    await eventually(lambda: system.worker.runs)
    system.calls.lose_holders()
    for _ in range(3):
        answer = await send(system, "legacy sync")
        assert (answer.status, answer.json["code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
        assert answer.json["executionId"] == system.worker.runs[0].run_id
    assert runs(system) == 1
    call.task.cancel()
    await asyncio.wait([call.task])


async def test_a_run_with_an_initially_unknown_state_is_not_restarted(system: System) -> None:
    call, _ = held_call(system, "legacy sync")
    await eventually(lambda: system.worker.runs)
    system.calls.lose_holders()
    system.jobs.refusal = Unavailable("the store does not respond")
    assert (await send(system, "legacy sync")).status == 503
    system.jobs.refusal = None
    assert (await send(system, "legacy sync")).json["code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert runs(system) == 1
    call.task.cancel()
    await asyncio.wait([call.task])


@pytest.mark.parametrize("mode", ["legacy async", "v2 async"])
async def test_a_run_that_was_stored_is_found_though_a_repetition_was_refused_in_between(
    system: System, mode: str
) -> None:
    system.jobs.shows_accepted = True
    system.jobs.lost_answer = Unavailable("the store does not respond")
    assert (await send(system, mode)).status == 503
    system.jobs.refusal = AtCapacity("full")
    assert (await send(system, mode)).status == 503
    system.jobs.refusal = None
    assert (await send(system, mode)).status == 202
    assert runs(system) == 1


async def test_an_interrupted_durable_stream_is_followed_by_returning_callers(system: System) -> None:
    worker = FollowedWorker.of(system)
    call = durable_stream(system)
    await asyncio.wait_for(call.spoke.wait(), PATIENCE_SECONDS)
    call.task.cancel()  # as a stopping web server does
    await asyncio.wait([call.task])
    assert (await durable_stream(system).done()).json["error"]["details"]["code"] == "IDEMPOTENCY_KEY_IN_USE"
    system.calls.lose_holders()
    again = durable_stream(system)
    await worker.report(Chunk("B", "one"), live=False)
    worker.ends()
    await worker.report(RunEnded(outcome()), live=False)
    assert b'"chunk":"one"' in (await again.done()).body
    assert runs(system) == 1


async def test_an_interrupted_durable_stream_is_not_stored_as_the_answer() -> None:
    async with running_system(drain_seconds=0) as system:
        worker = FollowedWorker.of(system)
        call = durable_stream(system)
        await asyncio.wait_for(call.spoke.wait(), PATIENCE_SECONDS)
        system.app.state.on_drain()
        assert b"The server is stopping" in (await call.done()).body
        system.calls.lose_holders()
        again = durable_stream(system)
        worker.ends()
        await worker.report(RunEnded(outcome()), live=False)
        assert b'"event":"final"' in (await again.done()).body
        assert runs(system) == 1


def durable_stream(system: System) -> Call:
    path, headers, body = MODES["v2 stream"]
    sent = {"x-api-key": system.key, "content-type": "application/json", **headers, **KEY}
    return system.call("POST", path, headers=sent, body=msgspec.json.encode(body))
