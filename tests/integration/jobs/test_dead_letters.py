"""Messages that no worker could process, and runs that are redriven."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.eventually import eventually, until
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome

from shared.broker.ports import Settlement
from shared.broker.queue_topology import DEAD, INTERACTIVE, RECORDS
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.events import RunExpired
from shared.contracts.jobs import RunAccepted
from shared.contracts.messages import AttachedRunRequested, EventBatch, RecordBatch, RunBegan
from shared.contracts.runs import ErrorCode, RunMode, RunSpec, RunStatus
from shared.errors import Conflict, NotFound, Unavailable


async def letters(system: System, workspace_id: str | None = WORKSPACE, query: str = "") -> DeadLetterPage:
    named = f"workspace_id={workspace_id}&" if workspace_id else ""
    return await system.gateway.client.call("GET", f"/internal/dead-letters?{named}{query}", returns=DeadLetterPage)


async def one_letter(system: System) -> DeadLetterView:
    async def there() -> bool:
        return bool((await letters(system)).letters)

    await until(there)
    return (await letters(system)).letters[0]


async def redrive(system: System, path: str, workspace_id: str = WORKSPACE, **fields: Any) -> RunAccepted:
    request = RedriveRun(workspace_id, 100, **fields)
    return await system.gateway.client.call("POST", f"/internal/{path}/redrive", body=request, returns=RunAccepted)


async def fail(system: System, spec: RunSpec | None = None) -> str:
    accepted = await system.gateway.accept(spec)
    granted = await system.executor.begin()
    await system.executor.finish(accepted.run_id, granted.attempt, an_outcome(RunStatus.FAILED))
    return accepted.run_id


async def test_a_failed_run_is_redriven_as_a_new_run(system: System) -> None:
    failed = await fail(system)
    again = await redrive(system, f"runs/{failed}")
    assert again.run_id != failed
    granted = await system.executor.begin()
    assert granted.run.run_id == again.run_id
    assert granted.run.input == a_spec().input
    assert (await system.gateway.run(failed)).status is RunStatus.FAILED


@pytest.mark.parametrize(("requested", "retention_ms"), [(None, 10_000), (0, 0), (20_000, 20_000)])
async def test_a_redriven_run_is_queued_without_the_listener_of_the_first_call(
    system: System, requested: int | None, retention_ms: int
) -> None:
    """Gateways of earlier versions name no log retention: it stays that of the first run."""
    first = a_spec(mode=RunMode.STREAM, listener="replies.x", traceparent="00-1-1-01", log_retention_ms=10_000)
    failed = await fail(system, first)
    await redrive(system, f"runs/{failed}", log_retention_ms=requested, traceparent="00-2-2-01")
    run = (await system.executor.begin()).run
    assert (run.mode, run.listener, run.traceparent) == (RunMode.ASYNC, None, "00-2-2-01")
    assert run.log_retention_ms == retention_ms


async def test_only_failed_blocks_run_again(system: System) -> None:
    accepted = await system.gateway.accept()
    with pytest.raises(Conflict):
        await redrive(system, f"runs/{accepted.run_id}")


async def test_another_workspaces_run_cannot_be_redriven(system: System) -> None:
    failed = await fail(system)
    with pytest.raises(NotFound):
        await redrive(system, f"runs/{failed}", "workspace-2")


async def test_a_run_that_kills_its_workers_is_listed_and_can_be_redriven(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.broker.work.publish(DEAD, message)
    letter = await one_letter(system)
    assert (letter.kind, letter.run_id) == (DeadLetterKind.DURABLE_RUN, accepted.run_id)
    assert letter.workflow_id == a_spec().snapshot.workflow_id
    with pytest.raises(Conflict):
        await redrive(system, f"dead-letters/{letter.id}")
    granted = await system.executor.claim(message)
    assert granted is not None
    await system.executor.finish(accepted.run_id, granted.attempt, an_outcome(RunStatus.FAILED))
    again = await redrive(system, f"dead-letters/{letter.id}")
    assert (await system.executor.begin()).run.run_id == again.run_id
    assert not (await letters(system)).letters


async def test_a_dead_letter_redriven_twice_concurrently_runs_once(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.broker.work.publish(DEAD, message)
    letter = await one_letter(system)
    granted = await system.executor.claim(message)
    assert granted is not None
    await system.executor.finish(accepted.run_id, granted.attempt, an_outcome(RunStatus.FAILED))

    path = f"dead-letters/{letter.id}"
    results = await asyncio.gather(*(redrive(system, path) for _ in range(4)), return_exceptions=True)
    assert [type(each) for each in results if not isinstance(each, Conflict | NotFound | Unavailable)] == [RunAccepted]
    assert await system.stored(mode="async") == 2


async def test_dead_lettered_records_are_stored_whole_and_redriven(system: System) -> None:
    spec = a_spec(mode=RunMode.SYNC)
    await system.broker.work.publish(DEAD, RecordBatch((RunBegan(spec, datetime.now(UTC)),)))
    letter = await one_letter(system)
    assert (letter.kind, letter.workspace_id) == (DeadLetterKind.RECORDS, WORKSPACE)
    document = await system.collection("dead_letters").find_one({"_id": letter.id})
    assert document is not None
    await system.collection("dead_letters").update_one({"_id": letter.id}, {"$set": {"queue": RECORDS}})
    await system.gateway.client.call(
        "POST", f"/internal/dead-letters/{letter.id}/redrive", body=RedriveRun(WORKSPACE, 1)
    )

    async def recorded() -> bool:
        return await system.stored(_id=spec.run_id) == 1

    await until(recorded)


async def test_the_input_of_a_poisonous_attached_run_is_not_stored(system: System) -> None:
    spec = a_spec(mode=RunMode.SYNC)
    await system.broker.work.publish(DEAD, AttachedRunRequested(spec, "replies.x"))
    letter = await one_letter(system)
    assert (letter.kind, letter.run_id, letter.workflow_id) == (
        DeadLetterKind.ATTACHED_RUN,
        spec.run_id,
        spec.snapshot.workflow_id,
    )
    stored = await system.collection("dead_letters").find_one({"_id": letter.id})
    assert stored is not None
    assert stored["body"] is None
    with pytest.raises(Conflict):
        await redrive(system, f"dead-letters/{letter.id}")
    await system.gateway.client.call("DELETE", f"/internal/dead-letters/{letter.id}?workspace_id={WORKSPACE}")
    assert not (await letters(system)).letters


async def test_a_run_that_waited_too_long_is_not_a_dead_letter(system: System) -> None:
    await system.broker.work.publish(INTERACTIVE, AttachedRunRequested(a_spec(), "replies.x"), ttl_ms=0)
    await system.broker.work.publish(DEAD, AttachedRunRequested(a_spec(run_id="poison"), "replies.x"))
    assert (await one_letter(system)).run_id == "poison"
    assert len((await letters(system)).letters) == 1


async def test_the_caller_of_a_run_that_waited_too_long_is_notified(system: System) -> None:
    batches: list[EventBatch] = []
    inbox = await system.broker.replies.open_inbox(batches.append, lambda: None)
    call = AttachedRunRequested(a_spec(run_id="late"), inbox.address, attempt=1)
    await system.broker.work.publish(INTERACTIVE, call, ttl_ms=0)
    await eventually(lambda: batches)
    assert batches == [EventBatch("late", 0, (RunExpired(),), attempt=1)]
    await inbox.close()


async def test_the_caller_of_a_run_that_lost_all_its_workers_is_notified_and_the_letter_is_stored(
    system: System,
) -> None:
    batches: list[EventBatch] = []
    inbox = await system.broker.replies.open_inbox(batches.append, lambda: None)
    await system.broker.work.publish(DEAD, AttachedRunRequested(a_spec(run_id="poison"), inbox.address))
    assert (await one_letter(system)).run_id == "poison"
    assert batches == [EventBatch("poison", 0, (RunExpired(),))]
    await inbox.close()


async def test_a_lost_run_without_a_caller_is_recorded_in_the_run_lists(system: System) -> None:
    inbox = await system.broker.replies.open_inbox(lambda batch: None, lambda: None)
    address = inbox.address
    await inbox.close()
    await system.broker.work.publish(INTERACTIVE, AttachedRunRequested(a_spec(run_id="late"), address), ttl_ms=0)

    async def is_known() -> bool:
        with suppress(NotFound):
            return bool(await system.gateway.run("late"))
        return False

    await until(is_known)
    error = (await system.gateway.run("late")).error
    assert error is not None
    assert error.code is ErrorCode.WORKER_LOST


async def test_a_lost_run_is_stored_only_as_its_workflow_allows(system: System) -> None:
    run = a_spec(run_id="discreet", stores_data=False)
    await system.broker.work.publish(INTERACTIVE, AttachedRunRequested(run, "replies.x"), ttl_ms=0)

    async def is_known() -> bool:
        return bool(await system.stored(_id="discreet"))

    await until(is_known)
    document = await system.collection("runs").find_one({"_id": "discreet"})
    assert document is not None
    assert "why?" not in repr(document)
    assert "worker was stopped" not in repr(document)


async def test_dead_letters_are_a_workspaces_own(system: System) -> None:
    for name in ("workspace-1", "workspace-2"):
        await system.broker.work.publish(DEAD, AttachedRunRequested(a_spec(name, workspace_id=name), "replies.x"))

    async def both() -> bool:
        return len((await letters(system, None)).letters) == 2

    await until(both)
    assert [letter.run_id for letter in (await letters(system)).letters] == ["workspace-1"]
    stranger = (await letters(system, "workspace-2")).letters[0]
    with pytest.raises(NotFound):
        await system.gateway.client.call("GET", f"/internal/dead-letters/{stranger.id}?workspace_id={WORKSPACE}")
    with pytest.raises(NotFound):
        await system.gateway.client.call("DELETE", f"/internal/dead-letters/{stranger.id}?workspace_id={WORKSPACE}")


async def test_dead_letters_are_paginated(system: System) -> None:
    for number in range(5):
        await system.broker.work.publish(DEAD, AttachedRunRequested(a_spec(f"run-{number}"), "replies.x"))

    async def all_there() -> bool:
        return len((await letters(system)).letters) == 5

    await until(all_there)
    first = await letters(system, query="limit=3")
    second = await letters(system, query=f"limit=3&cursor={first.next_cursor}")
    assert {letter.run_id for page in (first, second) for letter in page.letters} == {f"run-{n}" for n in range(5)}
    assert second.next_cursor is None


async def test_a_message_refused_by_a_consumer_is_stored(system: System) -> None:
    async def refuse(_: object) -> Settlement:
        return Settlement.DEAD_LETTER

    accepted = await system.gateway.accept()
    message = await system.executor.next()
    await system.broker.work.consume(INTERACTIVE, refuse, prefetch=1)
    await system.broker.work.publish(INTERACTIVE, message)
    letter = await one_letter(system)
    assert (letter.queue, letter.reason, letter.run_id) == (INTERACTIVE, "rejected", accepted.run_id)
