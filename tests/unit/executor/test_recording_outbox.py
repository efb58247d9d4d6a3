"""Recordings are sent in batches after their runs, and never delay one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
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
    RefusedRecording,
    StoredRecordings,
    StoreRecording,
    StoreRecordings,
)
from shared.contracts.runs import EMPTY_OUTPUT, RunOutcome, RunStatus, Usage
from shared.errors import Forbidden, InvalidRequest, RouteMissing, Unavailable
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
    """Stores recordings; fails first with the `failures` of a request that contains a run, and waits until `open`.

    `refused` has runs whose recordings it does not store. With `is_old`, it stores only single recordings.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.stored: dict[str, tuple[str, StoreRecording]] = {}
        self.singles: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.refused: set[str] = set()
        self.is_old = False
        self.open = asyncio.Event()
        self.open.set()

    async def call(self, method: str, path: str, *, body: Any, returns: Any = None) -> Any:
        await self.open.wait()
        if (method, path) == ("POST", "/internal/recordings"):
            return self._store_batch(msgspec.json.decode(body, type=StoreRecordings))
        assert method == "PUT"
        self._fail(body.summary.run_id)
        assert path == f"/internal/recordings/ws/{body.summary.run_id}"
        self.singles.append(body.summary.run_id)
        self.stored[body.summary.run_id] = (current_ticket(), body)
        return None

    def _store_batch(self, request: StoreRecordings) -> StoredRecordings:
        if self.is_old:
            raise RouteMissing("not here")
        for each in request.recordings:
            self._fail(each.summary.run_id)
        self.batches.append([each.summary.run_id for each in request.recordings])
        accepted = [each for each in request.recordings if each.summary.run_id not in self.refused]
        self.stored |= {each.summary.run_id: (each.ticket, each) for each in accepted}
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
    ticket, body = jobs.stored["run-1"]
    assert (ticket, body.summary.workflow_id) == ("ticket-1", "wf")
    assert msgspec.json.decode(bytes(body.content))["input"] == {"q": "run-1"}
    await outbox.stop()
    assert count("stored") - before == 3


async def test_environment_values_are_masked(jobs: Jobs, outbox: RecordingOutbox) -> None:
    secret = "a long secret value"
    with_secret = {"input": {"q": f"a {secret}"}, "names": EnvironmentNames({"KEY": secret})}
    outbox.put(msgspec.structs.replace(recording("run-1"), **with_secret))
    outbox.put(recording("run-2"))
    await eventually(lambda: len(jobs.stored) == 2)
    assert jobs.batches == [["run-1", "run-2"]]
    assert msgspec.json.decode(bytes(jobs.stored["run-1"][1].content))["input"] == {"q": "a {{KEY}}"}


async def test_a_restart_of_the_store_loses_none(jobs: Jobs, outbox: RecordingOutbox) -> None:
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


async def test_an_error_drops_the_batch_and_the_next_is_sent(jobs: Jobs, outbox: RecordingOutbox) -> None:
    before = count("dropped")
    jobs.failures = {"a": [InvalidRequest("no")]}
    outbox.put(recording("a"))
    await eventually(lambda: count("dropped") - before == 1)
    outbox.put(recording("b"))
    await eventually(lambda: jobs.batches == [["b"]])


async def test_a_store_of_an_earlier_version_gets_single_recordings(jobs: Jobs, outbox: RecordingOutbox) -> None:
    before = count("dropped")
    jobs.is_old = True
    jobs.failures = {"b": [Forbidden("another run's")]}
    for run_id in ("a", "b", "c"):
        with using_ticket(f"ticket of {run_id}"):
            outbox.put(recording(run_id))
    await eventually(lambda: jobs.singles == ["a", "c"])
    assert jobs.stored["c"][0] == "ticket of c"
    await outbox.stop()
    assert count("dropped") - before == 1


async def test_a_batch_is_bounded_in_recordings_and_bytes(jobs: Jobs, outbox: RecordingOutbox) -> None:
    for number in range(MAX_BATCH_RECORDINGS + 1):
        outbox.put(recording(f"run-{number}"))
    large = BATCH_BYTES // 2 + 1
    for name in ("a", "b"):
        outbox.put(recording(name, size=large))
    await eventually(lambda: len(jobs.stored) == MAX_BATCH_RECORDINGS + 3)
    assert [len(batch) for batch in jobs.batches] == [MAX_BATCH_RECORDINGS, 2, 1]


@pytest.mark.parametrize(("size", "accepted"), [(10, BACKLOG), (BACKLOG_BYTES // 2, 2)])
async def test_what_does_not_fit_is_dropped_and_counted(
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
