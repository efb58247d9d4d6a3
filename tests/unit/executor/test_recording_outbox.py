"""Recordings are sent in batches after their runs, and never delay one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.eventually import eventually
from tests.support.run_requests import run_request

from executor_service.adapters import recording_outbox
from executor_service.adapters.recording_outbox import (
    BACKLOG,
    BACKLOG_BYTES,
    BATCH_BYTES,
    RECORDINGS,
    RecordingOutbox,
)
from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    RecordingPack,
    RefusedRecording,
    StoredRecordings,
)
from shared.contracts.runs import EMPTY_OUTPUT, RunOutcome, RunStatus, Usage
from shared.errors import InvalidRequest, Unavailable
from shared.security.current_ticket import using_ticket

NO_NAMES = EnvironmentNames({})
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def recording(
    run_id: str = "run-1", *, size: int = 10, question: str = "why?", names: EnvironmentNames = NO_NAMES
) -> RunRecording:
    return RunRecording(
        spec=run_request(run_id=run_id, workspace_id="ws", workflow_id="wf", time_limit_ms=1000).spec,
        record=RecordRun(7, 1),
        input={"q": question},
        outcome=RunOutcome(
            status=RunStatus.COMPLETED, output=EMPTY_OUTPUT, started_at=NOW, ended_at=NOW, duration_ms=1.0
        ),
        output={},
        usage=Usage(),
        blocks=(),
        size=size,
        names=names,
    )


class Jobs:
    """Fake client of jobs-service. Its calls wait for `open`.

    `failures` are raised in turn by requests that contain the run. `refused` are runs whose recordings it refuses.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.stored: dict[str, str] = {}
        """Tickets by run."""
        self.content = b""
        self.failures: dict[str, list[Exception]] = {}
        self.refused: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def store(self, packs: Sequence[RecordingPack]) -> StoredRecordings:
        await self.open.wait()
        found = {each.summary.run_id: each.ticket for pack in packs for each in pack.recordings}
        for run_id in found:
            self._fail(run_id)
        self.batches.append(list(found))
        self.stored |= {run_id: ticket for run_id, ticket in found.items() if run_id not in self.refused}
        self.content += b"".join(pack.content for pack in packs)
        return StoredRecordings(tuple(RefusedRecording(run_id, "refused") for run_id in sorted(self.refused)))

    def _fail(self, run_id: str) -> None:
        if failures := self.failures.get(run_id):
            raise failures.pop(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_outbox, "GATHER_SECONDS", 0.01)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
async def outbox(jobs: Any) -> AsyncIterator[RecordingOutbox]:
    outbox = RecordingOutbox(jobs)
    await outbox.start()
    yield outbox
    jobs.open.set()
    await outbox.stop()


def count(result: str) -> float:
    return float(RECORDINGS.labels(result)._value.get())


async def test_recordings_are_stored_in_one_request_each_with_the_ticket_of_its_run(
    jobs: Jobs, outbox: RecordingOutbox
) -> None:
    before = count("stored")
    for number in range(3):
        with using_ticket(f"ticket-{number}"):
            outbox.put(recording(f"run-{number}"))
    await eventually(lambda: len(jobs.stored) == 3)
    assert jobs.batches == [["run-0", "run-1", "run-2"]]
    assert jobs.stored["run-1"] == "ticket-1"
    assert jobs.content == b"".join(recording(f"run-{number}").encode()[1] for number in range(3))
    await outbox.stop()
    assert count("stored") - before == 3


async def test_environment_values_are_masked(jobs: Jobs, outbox: RecordingOutbox) -> None:
    secret = "a long secret value"
    outbox.put(recording("run-1", question=f"a {secret}", names=EnvironmentNames({"KEY": secret})))
    outbox.put(recording("run-2"))
    await eventually(lambda: len(jobs.stored) == 2)
    assert jobs.batches == [["run-1", "run-2"]]
    assert b'{"q":"a {{KEY}}"}' in jobs.content


async def test_a_restart_of_jobs_service_loses_no_recording(jobs: Jobs, outbox: RecordingOutbox) -> None:
    before = count("dropped")
    jobs.failures = {"a": [Unavailable("restarting")]}
    for run_id in ("a", "b"):
        outbox.put(recording(run_id))
    await eventually(lambda: jobs.batches == [["a", "b"]])
    assert count("dropped") == before


async def test_a_refusal_of_one_recording_drops_only_that_one(jobs: Jobs, outbox: RecordingOutbox) -> None:
    before = count("dropped")
    jobs.refused = {"b"}
    for run_id in ("a", "b", "c"):
        outbox.put(recording(run_id))
    await eventually(lambda: jobs.stored.keys() == {"a", "c"})
    await outbox.stop()
    assert count("dropped") - before == 1


async def test_a_permanent_error_drops_the_batch_and_the_next_one_is_sent(jobs: Jobs, outbox: RecordingOutbox) -> None:
    before = count("dropped")
    jobs.failures = {"a": [InvalidRequest("no")]}
    outbox.put(recording("a"))
    await eventually(lambda: count("dropped") - before == 1)
    outbox.put(recording("b"))
    await eventually(lambda: jobs.batches == [["b"]])


async def test_a_batch_is_bounded_in_recordings_and_bytes(jobs: Jobs, outbox: RecordingOutbox) -> None:
    for number in range(MAX_BATCH_RECORDINGS + 1):
        outbox.put(recording(f"run-{number}"))
    large = BATCH_BYTES // 2 + 1
    for name in ("a", "b"):
        outbox.put(recording(name, size=large))
    await eventually(lambda: len(jobs.stored) == MAX_BATCH_RECORDINGS + 3)
    assert [len(batch) for batch in jobs.batches] == [MAX_BATCH_RECORDINGS, 2, 1]


@pytest.mark.parametrize(("size", "accepted"), [(10, BACKLOG), (BACKLOG_BYTES // 2, 2)])
async def test_recordings_over_the_limits_are_dropped_and_counted(
    jobs: Jobs, outbox: RecordingOutbox, size: int, accepted: int
) -> None:
    before = count("dropped")
    jobs.open.clear()
    one = recording(size=size)
    for _ in range(BACKLOG + 3):
        outbox.put(one)
    assert count("dropped") - before == BACKLOG + 3 - accepted


async def test_waiting_recordings_are_sent_before_the_process_stops(
    jobs: Jobs, outbox: RecordingOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_outbox, "GATHER_SECONDS", 60.0)
    for number in range(3):
        outbox.put(recording(f"run-{number}"))
    await outbox.stop()
    assert len(jobs.stored) == 3
