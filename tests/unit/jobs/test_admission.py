"""Runs are accepted or rejected."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.left_behind import without_collections

from jobs_service.leadership.loops import WakeUpEvent
from jobs_service.payloads.service import Payloads
from jobs_service.queue.admission import AdmissionService
from jobs_service.queue.capacity import QueueLimits
from shared.contracts.jobs import AcceptRun
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.errors import AtCapacity


class FullQueue:
    """Has no capacity."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[AtCapacity]:
        return [AtCapacity("no room") for _ in requests]


def a_run() -> AcceptRun:
    snapshot = SnapshotRef(workspace_id="w", workflow_id="f", snapshot_hash="0" * 64, version=1)
    input_ = Payload(inline=msgspec.Raw(b"{}"), size=2)
    return AcceptRun(RunSpec(run_id="r", snapshot=snapshot, mode=RunMode.ASYNC, input=input_, time_limit_ms=1_000), 10)


async def test_a_refused_run_is_freed_without_a_garbage_collection() -> None:
    full: Any = FullQueue()
    unused: Any = None
    admission = AdmissionService(full, Payloads(unused, timedelta(days=1)), unused, QueueLimits(1, 1), WakeUpEvent())
    await admission.batches.start()
    with without_collections() as remains:
        with pytest.raises(AtCapacity):
            await admission.accept(a_run())
        await asyncio.sleep(0)
        assert remains.of(AcceptRun, AtCapacity) == []
    await admission.batches.stop()
