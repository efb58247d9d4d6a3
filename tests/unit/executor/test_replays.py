"""A worker replays a recorded run as a durable run, and its output is the comparison."""

import threading
from typing import Any

import msgspec
import pytest
from tests.support.executor.fakes import JobsService, Services, Work, launcher, spec, workflow

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.engine.recorder import RunRecording
from executor_service.engine.replay import judge
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.recording_policy import RecordRun, ReplayRun
from shared.contracts.recordings import Recording
from shared.contracts.runs import RunMode, RunSpec, RunStatus, Usage

DISPATCH = DurableRunDispatched("r1", "d1", "w1")


class Stored:
    """Receives recordings."""

    def __init__(self) -> None:
        self.recordings: list[Recording] = []

    def put(self, recording: RunRecording) -> None:
        content = recording.encode()[1]
        self.recordings.append(msgspec.json.decode(content, type=Recording))


async def execute(services: Services, work: Work, run: RunSpec, stored: Stored | None = None) -> JobsService:
    jobs = JobsService(run)
    worker = DurableRunWorker(
        launcher(services, [("function", work)]), jobs, ActiveRuns(), worker_id="w", recordings=stored or Stored()
    )
    await worker.work(DISPATCH, redelivered=False)
    return jobs


def durable(**more: Any) -> RunSpec:
    return msgspec.structs.replace(spec(mode=RunMode.ASYNC, body={"q": "why?"}, time_limit_ms=60_000), **more)


async def recorded(work: Work | None = None) -> Recording:
    """Return the recording of a run of the workflow."""
    stored = Stored()
    await execute(Services(), work or Work(), durable(record=RecordRun(7, 1)), stored)
    return stored.recordings[0]


async def replayed(recording: Recording, services: Services, work: Work) -> tuple[Any, JobsService]:
    """Return the output of a replay of the recording."""
    services.recordings["R1"] = recording
    stored = Stored()
    jobs = await execute(services, work, durable(replay=ReplayRun("R1")), stored)
    assert stored.recordings == []
    assert jobs.finished is not None
    assert jobs.finished.outcome.status is RunStatus.COMPLETED
    return msgspec.json.decode(bytes(jobs.finished.outcome.output.inline)), jobs


async def test_an_unchanged_workflow_behaves_the_same_and_calls_nothing() -> None:
    recording, work = await recorded(), Work()
    assert recording.input == {"q": "why?"}
    result, _ = await replayed(recording, Services(), work)
    assert (result["verdict"], result["blocks"]) == ("same", 2)
    assert work.times == 0


async def test_a_changed_call_is_unrecorded_and_names_its_block() -> None:
    changed = Work(code="return fetch('https://other.example')")
    result, _ = await replayed(await recorded(), Services(), changed)
    assert result["verdict"] == "unrecorded call"
    assert result["unrecordedCall"]["blockName"] == "Work"
    assert changed.times == 0


async def test_a_changed_block_without_effects_is_different() -> None:
    pure = workflow("return 1")
    first, second = Work(code="return 1"), Work(code="return 1")
    stored = Stored()
    await execute(Services(pure), first, durable(record=RecordRun(7, 1)), stored)
    recording = msgspec.structs.replace(stored.recordings[0], output={"result": "other"})
    work_block = msgspec.structs.replace(recording.blocks[1], output={"result": "other"})
    recording = msgspec.structs.replace(recording, blocks=(recording.blocks[0], work_block))
    result, _ = await replayed(recording, Services(pure), second)
    assert (result["verdict"], result["firstDifference"]["blockId"]) == ("different", "work")
    assert result["output"] == [{"path": "result", "before": "other", "after": "done"}]
    assert second.times == 1


async def test_a_recorded_failure_is_the_same_failure() -> None:
    broken = Work()
    broken.problem = "out of stock"
    result, _ = await replayed(await recorded(broken), Services(), Work())
    assert (result["verdict"], result["recordedStatus"]) == ("same", "failed")


async def test_a_deleted_recording_fails_the_replay_with_a_reason() -> None:
    jobs = await execute(Services(), Work(), durable(replay=ReplayRun("R9")))
    assert jobs.finished is not None
    outcome = jobs.finished.outcome
    assert outcome.status is RunStatus.FAILED
    assert outcome.error is not None
    assert outcome.error.message == "Recording not found"


async def test_the_next_worker_continues_a_replay_from_its_journal() -> None:
    services, recording = Services(), await recorded()
    result, jobs = await replayed(recording, services, Work())
    services.recordings["R1"] = recording
    again = DurableRunWorker(launcher(services, [("function", Work())]), jobs, ActiveRuns(), worker_id="w2")
    await again.work(DISPATCH, redelivered=True)
    assert jobs.finished is not None
    repeated = msgspec.json.decode(bytes(jobs.finished.outcome.output.inline))
    assert (repeated["verdict"], repeated["blocks"]) == (result["verdict"], result["blocks"])


async def test_a_comparison_runs_outside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def judge_and_note(*args: Any, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return judge(*args, **options)

    monkeypatch.setattr("executor_service.application.replays.judge", judge_and_note)
    result, _ = await replayed(await recorded(), Services(), Work())
    assert result["verdict"] == "same"
    assert threads
    assert threading.current_thread() not in threads


async def test_a_replay_reports_what_both_runs_cost() -> None:
    recording = msgspec.structs.replace(await recorded(), usage=Usage(cost_usd=0.25))
    result, _ = await replayed(recording, Services(), Work())
    assert (result["recordedUsd"], result.get("replayedUsd", 0)) == (0.25, 0)
