"""The backlog of a stream's reader is bounded: a reader that stops reading is notified, and the run is stopped."""

import pytest
from tests.support.gateway.clock import NOON

from gateway.runs.attached import BUFFER_BYTES, AttachedCall
from gateway.runs.errors import ReaderTooSlow
from shared.contracts.events import Chunk
from shared.contracts.messages import EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.shared_timeout import SharedTimeout

SPEC = RunSpec(
    run_id="run-1",
    snapshot=SnapshotRef("WS1", "W", "h"),
    mode=RunMode.STREAM,
    input=Payload(),
    time_limit_ms=60_000,
)
PIECE = Chunk("b1", "x" * (BUFFER_BYTES // 4))


def a_call(left: list[str | None]) -> AttachedCall:
    """Return a stream, and the reason of its end."""
    return AttachedCall(
        SPEC,
        ticket="",
        requested_at=NOON,
        starts=SharedTimeout(60, AttachedCall.not_started),
        margin_seconds=60,
        leave=lambda _, cancel: left.append(cancel),
    )


async def test_a_stalled_stream_reader_is_disconnected() -> None:
    left: list[str | None] = []
    call = a_call(left)
    for seq in range(5):
        call.feed(EventBatch(SPEC.run_id, seq, (PIECE,)))
    assert left == []
    call.feed(EventBatch(SPEC.run_id, 5, (PIECE,)))
    assert left == ["reader_too_slow"]
    with pytest.raises(ReaderTooSlow):
        await call.take()


async def test_a_reading_client_may_receive_any_amount() -> None:
    left: list[str | None] = []
    call = a_call(left)
    for seq in range(20):
        call.feed(EventBatch(SPEC.run_id, seq, (PIECE,)))
        assert len(await call.take()) == 1
    assert left == []
    call.disconnect()
