"""Runs are accepted or rejected."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.left_behind import without_collections

from jobs_service.leadership import WakeUpEvent
from jobs_service.payloads import Payloads
from jobs_service.queue.admission import AdmissionService
from jobs_service.queue.capacity import QueueLimits
from shared import batching
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.errors import AtCapacity, OutcomeUncertain, Unavailable


class FullQueue:
    """Has no capacity."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[AtCapacity]:
        return [AtCapacity("no room") for _ in requests]


class RoomForOne:
    """Stores the first run of each batch."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | AtCapacity]:
        first, *others = requests
        now = datetime.now(UTC)
        return [RunAccepted(first.run.run_id, "job", now), *(AtCapacity("no room") for _ in others)]


class UnreadableCancels:
    """Pending cancels in a store that fails, or never responds."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs
        self.is_asked = False

    async def apply_pending(self, run_ids: Iterable[str]) -> None:
        self.is_asked = True
        if self._hangs:
            await asyncio.Event().wait()
        raise Unavailable("the store does not respond")


@asynccontextmanager
async def admission_of(queue: Any, cancels: Any = None) -> AsyncIterator[AdmissionService]:
    unused: Any = None
    payloads = Payloads(unused, timedelta(days=1))
    admission = AdmissionService(queue, payloads, cancels, QueueLimits(1, 1), WakeUpEvent())
    await admission.batches.start()
    yield admission
    await admission.batches.stop()


def a_run() -> AcceptRun:
    snapshot = SnapshotRef(workspace_id="w", workflow_id="f", snapshot_hash="0" * 64, version=1)
    input_ = Payload(inline=msgspec.Raw(b"{}"), size=2)
    return AcceptRun(RunSpec(run_id="r", snapshot=snapshot, mode=RunMode.ASYNC, input=input_, time_limit_ms=1_000), 10)


async def test_a_refused_run_is_freed_without_a_garbage_collection() -> None:
    async with admission_of(FullQueue()) as admission:
        with without_collections() as remains:
            with pytest.raises(AtCapacity):
                await admission.accept(a_run())
            await asyncio.sleep(0)
            assert remains.of(AcceptRun, AtCapacity) == []


async def test_the_outcome_of_a_stored_run_is_uncertain_if_its_cancels_cannot_be_read() -> None:
    async with admission_of(RoomForOne(), UnreadableCancels()) as admission:
        answers = await admission.accept_all([a_run(), a_run()])
    assert [type(answer) for answer in answers] == [OutcomeUncertain, AtCapacity]


async def test_the_outcome_of_a_stored_run_is_uncertain_if_the_service_stops_before_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "STOP_SECONDS", 0.01)
    cancels = UnreadableCancels(hangs=True)
    async with admission_of(RoomForOne(), cancels) as admission:
        request = asyncio.create_task(admission.accept(a_run()))
        await eventually(lambda: cancels.is_asked)
    with pytest.raises(OutcomeUncertain):
        await request
