"""Repairs: the journal of a failed run stays, and a new run continues it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import until
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from jobs_service.journal import JOURNAL
from jobs_service.runs.documents import RUNS
from shared.contracts.claims import JournalEntry
from shared.contracts.dead_letters import RedriveRun
from shared.contracts.jobs import RunAccepted
from shared.contracts.recordings import DeletedRecordings, DeleteRecordings
from shared.contracts.repairs import (
    FindRepairable,
    RepairablePage,
    RepairedRun,
    RepairRun,
    ResumeMap,
    ResumeStep,
)
from shared.contracts.runs import ErrorCode, RunError, RunSpec, RunStatus, SnapshotRef
from shared.errors import Conflict, NotFound
from shared.web.paths import path_of

STEPS = tuple(ResumeStep(name, name, target) for name, target in (("start", 2), ("fetch", 0), ("send", 1)))
ERROR = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "unreachable", block_id="send")
HOUR_MS = 3_600_000


def entry(index: int, **fields: Any) -> JournalEntry:
    """Return the entry of a block that ended."""
    data = {"type": "block", "work": ["run", "", index], "output": {"n": index}, "usage": {"cost_usd": 1.0}, **fields}
    return JournalEntry(index, "block", msgspec.Raw(msgspec.json.encode(data)))


ENTRIES = (entry(0), entry(1), entry(2, error={"code": "BLOCK_EXECUTION_FAILED"}))


def a_repair(version: int = 4, **fields: Any) -> RepairRun:
    """Return the request to continue a run on a version."""
    snapshot = SnapshotRef(WORKSPACE, WORKFLOW, "1" * 64, version=version, version_id=f"v{version}")
    known: dict[str, Any] = {
        "workspace_id": WORKSPACE,
        "workflow_id": WORKFLOW,
        "snapshot": snapshot,
        "resume_map": ResumeMap({"": STEPS}),
        "concurrency_limit": 10,
        "log_retention_ms": HOUR_MS,
    }
    return RepairRun(**(known | fields))


async def repair(system: System, run_id: str, request: RepairRun | None = None) -> RepairedRun:
    path = f"/internal/runs/{run_id}/repair"
    return await system.gateway.client.call("POST", path, body=request or a_repair(), returns=RepairedRun)


async def failed(system: System, spec: RunSpec | None = None) -> str:
    """Return a run that failed at its third block."""
    spec = spec or a_spec(log_retention_ms=48 * HOUR_MS)
    await system.gateway.accept(spec)
    granted = await system.executor.begin()
    await system.executor.journal(spec.run_id, granted.attempt, *ENTRIES)
    await system.executor.finish(spec.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=ERROR))
    return spec.run_id


async def journals(system: System, run_id: str) -> list[Any]:
    """Return the stored entries of a run."""
    return await system.store.collection(JOURNAL).find({"run_id": run_id}).to_list()


async def test_a_failed_run_keeps_its_journal_as_long_as_its_logs(system: System) -> None:
    run_id = await failed(system)

    async def dated() -> bool:
        return all("expires_at" in each for each in await journals(system, run_id))

    await until(dated)
    run = await system.store.collection(RUNS).find_one({"_id": run_id})
    assert run is not None
    stored = await journals(system, run_id)
    assert len(stored) == len(ENTRIES)
    assert all(timedelta() <= each["expires_at"] - run["expires_at"] < timedelta(minutes=1) for each in stored)


async def stop_storing(system: System) -> None:
    """Report that the workflow stores no inputs and outputs any longer."""
    body = DeleteRecordings(workflow_id=WORKFLOW, bar_revision=1)
    path = path_of("recordings", WORKSPACE, "delete")
    await system.gateway.client.call("POST", path, body=body, returns=DeletedRecordings)


async def test_journals_of_failed_runs_are_deleted_when_their_workflow_stops_storing_data(system: System) -> None:
    run_id = await failed(system)
    spec = a_spec(log_retention_ms=48 * HOUR_MS)
    await system.gateway.accept(spec)
    granted = await system.executor.begin()
    await system.executor.journal(spec.run_id, granted.attempt, *ENTRIES[:2])
    await stop_storing(system)
    assert await journals(system, run_id) == []
    with pytest.raises(Conflict, match="not stored"):
        await repair(system, run_id)

    await system.executor.journal(spec.run_id, granted.attempt, ENTRIES[2])
    assert len(await journals(system, spec.run_id)) == len(ENTRIES)  # needed until the run ends
    await system.executor.finish(spec.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=ERROR))

    async def is_discarded() -> bool:
        return await journals(system, spec.run_id) == []

    await until(is_discarded)


async def test_another_workflow_keeps_its_journals(system: System) -> None:
    snapshot = SnapshotRef(WORKSPACE, "other", "0" * 64, version=3)
    run_id = await failed(system, a_spec(log_retention_ms=48 * HOUR_MS, snapshot=snapshot))
    await stop_storing(system)
    assert len(await journals(system, run_id)) == len(ENTRIES)


async def test_a_run_without_stored_data_loses_its_journal_at_its_end_and_cannot_be_repaired(
    system: System,
) -> None:
    run_id = await failed(system, a_spec(stores_data=False))

    async def is_deleted() -> bool:
        return not await journals(system, run_id)

    await until(is_deleted)
    with pytest.raises(Conflict, match="not stored"):
        await repair(system, run_id)


async def test_a_repair_is_a_new_run_that_continues_where_the_failed_one_stopped(system: System) -> None:
    run_id = await failed(system)
    done = await repair(system, run_id, a_repair(caller_name="Ada", user_id="u1"))
    granted = await system.executor.begin()
    assert granted.run.run_id == done.run.run_id
    assert (granted.run.repair_of, granted.run.caller_name, granted.run.user_id) == (run_id, "Ada", "u1")
    assert granted.run.snapshot.version == 4
    works = [msgspec.json.decode(bytes(each.data)) for each in granted.journal]
    assert [each["work"] for each in works] == [["run", "", 2], ["run", "", 0]]
    assert not any("usage" in each or "error" in each for each in works)

    await system.executor.journal(granted.run.run_id, granted.attempt, entry(2))
    await system.executor.finish(granted.run.run_id, granted.attempt)
    assert (await system.gateway.run(done.run.run_id)).repair_of == run_id
    assert (await system.gateway.run(run_id)).status is RunStatus.FAILED


async def test_a_lost_worker_leaves_the_inherited_journal_to_the_next_one(system: System) -> None:
    await repair(system, await failed(system))
    message = await system.executor.next()
    first = await system.executor.claim(message)
    assert first is not None
    await system.executor.journal(first.run.run_id, first.attempt, entry(2))
    second = await system.executor.claim(message, redelivered=True)
    assert second is not None
    assert [each.index for each in second.journal] == [0, 1, 2]


async def test_a_repeated_request_returns_the_same_run_and_another_version_a_new_one(system: System) -> None:
    run_id = await failed(system)
    first, again = await repair(system, run_id), await repair(system, run_id)
    assert (again.run.run_id, again.is_repeated) == (first.run.run_id, True)
    other = await repair(system, run_id, a_repair(5))
    assert not other.is_repeated
    assert other.run.run_id != first.run.run_id


async def test_a_repair_that_fails_can_be_repaired(system: System) -> None:
    first = await repair(system, await failed(system))
    granted = await system.executor.begin()
    await system.executor.journal(granted.run.run_id, granted.attempt, ENTRIES[2])
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=ERROR))
    places = ResumeMap({"": (ResumeStep("fetch", "fetch", 0), ResumeStep("send", "send", 1), ResumeStep("s", "s", 2))})
    await repair(system, first.run.run_id, a_repair(5, resume_map=places))
    assert len((await system.executor.begin()).journal) == 2


async def test_an_incompatible_version_is_refused_by_the_name_of_the_block(system: System) -> None:
    run_id = await failed(system)
    steps = (STEPS[0], ResumeStep("fetch", "Fetch", problem="has other settings there"), STEPS[2])
    with pytest.raises(Conflict, match='block "Fetch" has other settings there'):
        await repair(system, run_id, a_repair(resume_map=ResumeMap({"": steps})))


async def test_a_repair_whose_journal_has_expired_fails_instead_of_repeating_blocks(system: System) -> None:
    run_id = await failed(system)
    done = await repair(system, run_id)
    await system.store.collection(JOURNAL).delete_many({"run_id": done.run.run_id})
    assert await system.executor.claim(await system.executor.next()) is None
    view = await system.gateway.run(done.run.run_id)
    assert view.error is not None
    assert view.error.message == "The results of the failed run expired before the repair started"
    with pytest.raises(Conflict, match="its journal has expired"):
        await repair(system, done.run.run_id, a_repair(5))


async def test_only_failed_runs_of_the_workflow_can_be_repaired(system: System) -> None:
    with pytest.raises(NotFound):
        await repair(system, "unknown")
    run_id = await failed(system)
    with pytest.raises(NotFound):
        await repair(system, run_id, a_repair(workflow_id="other"))
    done = await repair(system, run_id)
    with pytest.raises(Conflict, match="Only a failed run can be repaired"):
        await repair(system, done.run.run_id)


async def test_failed_runs_with_a_journal_are_listed_page_by_page(system: System) -> None:
    runs = {await failed(system) for _ in range(3)}
    await failed(system, a_spec(stores_data=False))

    async def page(cursor: str | None) -> RepairablePage:
        query = FindRepairable(WORKSPACE, WORKFLOW, cursor=cursor, limit=2)
        return await system.gateway.client.call("POST", "/internal/repairable-runs", body=query, returns=RepairablePage)

    first = await page(None)
    second = await page(first.next_cursor)
    assert {run.run_id for run in (*first.runs, *second.runs)} == runs
    assert (first.runs[0].version, second.next_cursor) == (3, None)


async def test_a_redrive_of_a_repair_starts_over(system: System) -> None:
    done = await repair(system, await failed(system))
    granted = await system.executor.begin()
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(RunStatus.FAILED, error=ERROR))
    path = f"/internal/runs/{done.run.run_id}/redrive"
    await system.gateway.client.call("POST", path, body=RedriveRun(WORKSPACE, 10), returns=RunAccepted)
    again = await system.executor.begin()
    assert (again.journal, again.run.repair_of) == ((), None)
