"""Workers send packs of recordings."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shared.clients.jobs.recordings import HttpRecordingClient
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    PackedRecording,
    RecordingSummary,
    RefusedRecording,
    StoredRecordings,
    StorePacks,
)
from shared.errors import InvalidRequest
from shared.recording_packs import MAX_PACK_RECORDINGS, PACK_BYTES, ToPack, pack_recordings

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def recording(run: str, *, workflow_id: str = "f", revision: int = 1, size: int = 10) -> ToPack:
    summary = RecordingSummary(run_id=run, workflow_id=workflow_id, started_at=NOW)
    return "w", RecordRun(7, revision), PackedRecording(summary, size, f"ticket of {run}"), b"1" * size


class Jobs:
    """Refuses the run `b`, requests with an `invalid` run, and those with more than `limit` recordings."""

    def __init__(self, *, limit: int = MAX_BATCH_RECORDINGS, invalid: Collection[str] = ()) -> None:
        self.limit = limit
        self.invalid = invalid
        self.calls: list[str] = []
        self.received: Any = None

    async def call(self, method: str, path: str, *, body: Any, returns: Any) -> StoredRecordings:
        self.calls.append(path)
        self.received = msgspec.msgpack.decode(body, type=StorePacks)
        recordings = [each for pack in self.received.packs for each in pack.recordings]
        if len(recordings) > self.limit:
            raise InvalidRequest("too many")
        if any(each.summary.run_id in self.invalid for each in recordings):
            raise InvalidRequest("invalid")
        return StoredRecordings((RefusedRecording("b"),))


async def test_a_pack_has_the_recordings_of_a_workflow_with_their_tickets() -> None:
    jobs: Any = Jobs()
    packs = pack_recordings([recording("a"), recording("b", workflow_id="g"), recording("c")])
    answer = await HttpRecordingClient(jobs).store(tuple(packs))
    assert answer.refused == (RefusedRecording("b"),)
    first, second = jobs.received.packs
    assert [(each.summary.run_id, each.length, each.ticket) for each in first.recordings] == [
        ("a", 10, "ticket of a"),
        ("c", 10, "ticket of c"),
    ]
    assert (first.workspace_id, first.workflow_id, first.record, first.content) == (
        "w",
        "f",
        RecordRun(7, 1),
        b"1" * 20,
    )
    assert (second.workflow_id, len(second.recordings)) == ("g", 1)


async def test_a_jobs_service_that_accepts_fewer_recordings_gets_each_pack_in_a_request() -> None:
    jobs: Any = Jobs(limit=MAX_PACK_RECORDINGS)
    packs = tuple(pack_recordings(recording(f"run-{number}") for number in range(MAX_PACK_RECORDINGS + 1)))
    assert [len(pack.recordings) for pack in packs] == [MAX_PACK_RECORDINGS, 1]
    answer = await HttpRecordingClient(jobs).store(packs)
    assert answer.refused == (RefusedRecording("b"),) * 2
    assert jobs.calls == ["/internal/recordings/packs"] * 3


async def test_the_recordings_of_an_invalid_pack_are_refused_and_other_packs_are_stored() -> None:
    jobs: Any = Jobs(invalid=("d",))
    packs = pack_recordings(recording(run, workflow_id=f"of {run}") for run in ("a", "d", "c"))
    answer = await HttpRecordingClient(jobs).store(tuple(packs))
    assert answer.refused == (RefusedRecording("b"), RefusedRecording("d", "invalid"), RefusedRecording("b"))


async def test_a_refused_pack_is_not_sent_again() -> None:
    jobs: Any = Jobs(limit=0)
    with pytest.raises(InvalidRequest):
        await HttpRecordingClient(jobs).store(tuple(pack_recordings([recording("a")])))
    assert jobs.calls == ["/internal/recordings/packs"]


def test_packs_are_bounded_and_have_one_revision() -> None:
    half = PACK_BYTES // 2 + 1
    packs = pack_recordings([recording("a", size=half), recording("b", revision=2), recording("c", size=half)])
    assert [[each.summary.run_id for each in pack.recordings] for pack in packs] == [["a"], ["c"], ["b"]]
