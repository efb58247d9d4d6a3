"""Recordings are sent after their run, and never delay one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.run_requests import run_request

from executor_service.adapters import recording_outbox
from executor_service.adapters.recording_outbox import BACKLOG, BACKLOG_BYTES, RECORDINGS, RecordingOutbox
from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from shared.contracts.outcomes import EMPTY_OUTPUT, RunOutcome
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import StoreRecording
from shared.contracts.runs import RunStatus
from shared.contracts.usage import Usage
from shared.errors import Forbidden, Unavailable
from shared.security.current_ticket import current_ticket, using_ticket

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def recording(run_id: str = "run-1", *, size: int = 10) -> RunRecording:
    return RunRecording(
        spec=run_request(run_id=run_id, workspace_id="ws", workflow_id="wf", time_limit_ms=1000).spec,
        record=RecordRun(7, 1),
        input={"q": run_id},
        outcome=RunOutcome(
            status=RunStatus.COMPLETED, output=EMPTY_OUTPUT, started_at=NOW, ended_at=NOW, duration_ms=1.0
        ),
        output={},
        usage=Usage(),
        blocks=(),
        size=size,
        names=EnvironmentNames({}),
    )


class Jobs:
    """Stores recordings; fails first with the `failures` of a run, and waits until it is `open`."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, str, StoreRecording]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.open = asyncio.Event()
        self.open.set()

    async def call(self, method: str, path: str, *, body: StoreRecording) -> None:
        await self.open.wait()
        if failures := self.failures.get(path.rpartition("/")[2]):
            raise failures.pop(0)
        self.stored.append((path, current_ticket(), body))


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


def dropped() -> float:
    return float(RECORDINGS.labels("dropped")._value.get())


async def test_a_recording_is_stored_with_the_ticket_of_its_run(jobs: Jobs, outbox: RecordingOutbox) -> None:
    with using_ticket("ticket-1"):
        outbox.put(recording())
    await eventually(lambda: len(jobs.stored) == 1)
    path, ticket, body = jobs.stored[0]
    assert (path, ticket) == ("/internal/recordings/ws/run-1", "ticket-1")
    assert msgspec.json.decode(bytes(body.content))["input"] == {"q": "run-1"}


async def test_a_restart_of_the_store_loses_none_and_a_refusal_only_that_one(
    jobs: Jobs, outbox: RecordingOutbox
) -> None:
    before = dropped()
    jobs.failures = {"a": [Unavailable("restarting")], "b": [Forbidden("another run's")]}
    for run_id in ("a", "b"):
        outbox.put(recording(run_id))
    outbox.put(recording("c"))
    await eventually(lambda: [path.rpartition("/")[2] for path, _, _ in jobs.stored] == ["a", "c"])
    assert dropped() - before == 1


@pytest.mark.parametrize(("size", "accepted"), [(10, BACKLOG), (BACKLOG_BYTES // 2, 2)])
async def test_what_does_not_fit_is_dropped_and_counted(
    jobs: Jobs, outbox: RecordingOutbox, size: int, accepted: int
) -> None:
    before = dropped()
    jobs.open.clear()
    for number in range(BACKLOG + 3):
        outbox.put(recording(f"run-{number}", size=size))
    assert dropped() - before == BACKLOG + 3 - accepted


async def test_waiting_recordings_are_sent_before_the_process_stops(
    jobs: Jobs, outbox: RecordingOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_outbox, "GAP_SECONDS", 0.0)
    for number in range(3):
        outbox.put(recording(f"run-{number}"))
    await outbox.stop()
    assert len(jobs.stored) == 3
