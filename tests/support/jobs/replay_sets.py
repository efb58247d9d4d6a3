"""Replay sets of recorded runs, and workers that report their comparisons."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.support.eventually import until
from tests.support.jobs.recordings import put_batch
from tests.support.jobs.system import WORKFLOW, WORKSPACE, System, a_spec, an_outcome

from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.claims import ClaimGranted
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import PackedRecording, RecordingSummary, ReplayResult, ReplayVerdict
from shared.contracts.replay_sets import CreateReplaySet, ReplayedRun, ReplayedVerdict, ReplaySet, ReplaySetStatus
from shared.contracts.runs import SnapshotRef
from shared.ids import new_id, run_key

TARGET = SnapshotRef(WORKSPACE, WORKFLOW, "c" * 64)


async def record(system: System, *run_ids: str, is_cut: bool = False) -> None:
    """Store recordings of version 7 of the workflow, oldest first."""
    for run_id in run_ids:
        content = msgspec.json.encode({"runId": run_id, "snapshotHash": "7" * 64, "version": 7})
        summary = RecordingSummary(
            run_id=run_key(WORKSPACE, run_id), workflow_id=WORKFLOW, started_at=datetime.now(UTC), is_cut=is_cut
        )
        await put_batch(system, (WORKSPACE, RecordRun(1, 1), PackedRecording(summary, len(content)), content))


def a_set(**fields: Any) -> CreateReplaySet:
    known: dict[str, Any] = {"id": new_id(), "run": a_spec(snapshot=TARGET), "concurrency_limit": 100}
    return CreateReplaySet(**(known | {"suggest_ignore": False} | fields))


def a_result(run_id: str, verdict: ReplayVerdict = ReplayVerdict.SAME, **more: Any) -> ReplayResult:
    return ReplayResult(replay_of=run_id, verdict=verdict, duration_ms=20.0, recorded_duration_ms=10.0, **more)


def replayed(granted: ClaimGranted) -> str:
    """Return the recorded run that a claimed run replays."""
    assert granted.run.replay is not None
    return granted.run.replay.run_id.partition("@")[0]


async def end(system: System, granted: ClaimGranted, result: ReplayResult | None = None) -> None:
    """Report the comparison of a replay."""
    output = msgspec.json.encode(result or a_result(replayed(granted)))
    await system.executor.finish(granted.run.run_id, granted.attempt, an_outcome(output=output))


async def work(system: System, count: int, **results: ReplayResult) -> list[str]:
    """Execute replays; return the recorded runs."""
    done = []
    for _ in range(count):
        granted = await system.executor.begin()
        done.append(replayed(granted))
        await end(system, granted, results.get(done[-1]))
    return done


async def ended(replays: HttpReplaySetClient, set_id: str) -> ReplaySet:
    async def is_ended() -> bool:
        return (await replays.get(WORKSPACE, WORKFLOW, set_id)).status is not ReplaySetStatus.RUNNING

    await until(is_ended)
    return await replays.get(WORKSPACE, WORKFLOW, set_id)


async def results(
    replays: HttpReplaySetClient, set_id: str, verdict: ReplayedVerdict | None = None
) -> list[ReplayedRun]:
    page = await replays.runs(WORKSPACE, WORKFLOW, set_id, verdict=verdict, limit=200, cursor=None)
    return list(page.runs)
