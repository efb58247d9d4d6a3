"""Cancelling a run in each of its states."""

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import System, a_spec, an_outcome, asks

from shared.contracts.messages import RunBegan, RunRecorded
from shared.contracts.runs import ErrorCode, RunMode, RunStatus
from shared.errors import Conflict, NotFound


async def test_a_waiting_run_is_cancelled_immediately_and_frees_its_slot(start: Start) -> None:
    async with start(dispatch_window=1, dispatch_max_queue_per_workspace=2) as system:
        await system.gateway.accept()
        waiting = await system.gateway.accept()

        assert (await system.gateway.cancel(waiting.run_id)).reason == "queue_cancelled"

        run = await system.gateway.run(waiting.run_id)
        assert (run.status, run.started_at) == (RunStatus.CANCELLED, None)
        assert run.error is not None
        assert run.error.code is ErrorCode.CANCELLED
        await until(lambda: _has_room(system))
        await system.gateway.accept()


async def test_cancelling_a_run_without_a_worker_counts_one_end(system: System) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("flowport_jobs_ended_total", {"status": "cancelled"}) or 0.0

    before = counted()
    accepted = await system.gateway.accept()
    for _ in range(2):
        await system.gateway.cancel(accepted.run_id)
    assert counted() == before + 1


async def test_a_cancelled_dispatched_run_is_granted_to_no_worker(system: System) -> None:
    accepted = await system.gateway.accept()
    message = await system.executor.next()

    assert (await system.gateway.cancel(accepted.run_id)).reason == "queue_cancelled"
    assert await system.executor.claim(message) is None
    await until(lambda: _is_empty(system))


async def test_a_run_at_work_is_stopped_by_its_worker(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()

    assert (await system.gateway.cancel(accepted.run_id)).reason == "recorded"
    await until(lambda: _was_notified(system, accepted.run_id))
    assert await system.executor.renew(accepted.run_id, 1) is True
    assert (await system.gateway.cancel(accepted.run_id)).reason == "already_cancelled"

    await system.executor.finish(accepted.run_id, 1, an_outcome(RunStatus.CANCELLED))
    assert (await system.gateway.run(accepted.run_id)).status is RunStatus.CANCELLED
    assert (await system.gateway.cancel(accepted.run_id)).reason == "already_cancelled"


async def test_a_cancelled_run_whose_worker_dies_is_cancelled_not_repeated(short_leases: System) -> None:
    accepted = await short_leases.gateway.accept()
    await short_leases.executor.begin()
    await short_leases.gateway.cancel(accepted.run_id)

    async def is_cancelled() -> bool:
        return (await short_leases.gateway.run(accepted.run_id)).status is RunStatus.CANCELLED

    await until(is_cancelled)
    assert await short_leases.executor.idle()


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.FAILED])
async def test_a_run_that_is_over_cannot_be_cancelled(system: System, status: RunStatus) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 1, an_outcome(status))

    with pytest.raises(Conflict, match=f"Execution cannot be cancelled while {status.value}"):
        await system.gateway.cancel(accepted.run_id)


async def test_a_paused_run_is_cancelled_immediately(system: System) -> None:
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.pause(accepted.run_id, 1, asks())
    assert (await system.gateway.run(accepted.run_id)).status is RunStatus.PAUSED

    assert (await system.gateway.cancel(accepted.run_id)).was_paused
    assert (await system.gateway.run(accepted.run_id)).status is RunStatus.CANCELLED


async def test_another_workflows_run_is_not_found(system: System) -> None:
    accepted = await system.gateway.accept()

    with pytest.raises(NotFound):
        await system.gateway.cancel(accepted.run_id, workflow_id="workflow-2")
    with pytest.raises(NotFound):
        await system.gateway.cancel(accepted.run_id, workspace_id="workspace-2")
    assert (await system.gateway.run(accepted.run_id)).status is not RunStatus.CANCELLED


async def test_an_attached_run_first_reported_after_its_cancel_is_stopped(system: System) -> None:
    assert (await system.gateway.cancel("attached-1")).reason == "recorded"
    assert system.cancels == []

    await system.executor.record(RunBegan(a_spec("attached-1", mode=RunMode.SYNC), datetime.now(UTC)))

    await until(lambda: _was_notified(system, "attached-1"))
    assert (await system.gateway.cancel("attached-1")).reason == "already_cancelled"


async def test_a_remembered_cancel_of_a_strangers_run_stops_nothing(system: System) -> None:
    await system.gateway.cancel("attached-1", workspace_id="stranger")

    await system.executor.record(RunBegan(a_spec("attached-1", mode=RunMode.SYNC), datetime.now(UTC)))

    await until(lambda: _is_known(system, "attached-1"))
    await asyncio.sleep(0.1)
    assert system.cancels == []


async def test_an_attached_run_known_by_its_id_only_is_notified_immediately(system: System) -> None:
    await system.gateway.reserve("attached-1")

    await system.gateway.cancel("attached-1")

    await until(lambda: _was_notified(system, "attached-1"))


async def test_an_attached_run_known_by_its_id_only_ignores_cancels_of_other_workspaces(system: System) -> None:
    await system.gateway.reserve("attached-1")
    await system.gateway.reserve("attached-2")

    await system.gateway.cancel("attached-1", workflow_id="another")
    await system.gateway.cancel("attached-2")

    await until(lambda: _was_notified(system, "attached-2"))
    assert system.cancels == ["attached-2"]


async def test_a_durable_run_accepted_after_its_cancel_never_runs(system: System) -> None:
    await system.gateway.cancel("mine")
    await system.gateway.accept(a_spec("mine"))

    assert (await system.gateway.run("mine")).status is RunStatus.CANCELLED


async def test_an_attached_run_in_progress_is_stopped_and_reports_its_end(system: System) -> None:
    spec = a_spec("attached-1", mode=RunMode.STREAM)
    await system.executor.record(RunBegan(spec, datetime.now(UTC)))
    await until(lambda: _is_known(system, "attached-1"))

    assert (await system.gateway.cancel("attached-1")).reason == "recorded"
    await until(lambda: _was_notified(system, "attached-1"))
    await system.executor.record(RunRecorded(spec, an_outcome(RunStatus.CANCELLED)))

    async def is_cancelled() -> bool:
        return (await system.gateway.run("attached-1")).status is RunStatus.CANCELLED

    await until(is_cancelled)


async def test_an_attached_run_without_a_worker_is_cancelled_after_a_silent_lease(
    short_leases: System,
) -> None:
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await short_leases.executor.record(RunBegan(spec, datetime.now(UTC)))
    await until(lambda: _is_known(short_leases, "attached-1"))

    assert (await short_leases.gateway.cancel("attached-1")).reason == "recorded"

    async def is_cancelled() -> bool:
        return (await short_leases.gateway.run("attached-1")).status is RunStatus.CANCELLED

    await until(is_cancelled)


async def _has_room(system: System) -> bool:
    return await system.queued() == 1


async def _is_empty(system: System) -> bool:
    return await system.queued() == 0


async def _was_notified(system: System, run_id: str) -> bool:
    return run_id in system.cancels


async def _is_known(system: System, run_id: str) -> bool:
    return await system.stored(_id=run_id, phase="attached") == 1
