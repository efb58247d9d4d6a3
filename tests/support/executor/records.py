"""Records of runs, and fakes of their destinations."""

import asyncio
from datetime import UTC, datetime

from tests.support.executor.fakes import spec

from shared.broker.message_bodies import encode_body
from shared.broker.ports import BrokerDisconnected, QueueFull
from shared.contracts.jobs import BlockLog
from shared.contracts.messages import Message, RecordBatch, RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunStatus
from shared.errors import Unavailable

NOW = datetime(2026, 11, 24, tzinfo=UTC)


OUTCOME = RunOutcome(status=RunStatus.COMPLETED, output=Payload(), started_at=NOW, ended_at=NOW, duration_ms=0.0)


class Work:
    """Accepts records that fit into a message."""

    def __init__(self) -> None:
        self.batches: list[RecordBatch] = []
        self.is_full = False
        self.away_for = 0
        """Number of failures before it recovers."""
        self.breaks_at: str | None = None
        self.line = asyncio.Event()
        self.line.set()

    async def publish(self, queue: object, message: Message) -> None:
        encode_body(message)
        await self.line.wait()
        if self.away_for:
            self.away_for -= 1
            raise BrokerDisconnected("not connected to the broker")
        if self.is_full:
            raise QueueFull("the outbox is full")
        assert isinstance(message, RecordBatch)
        if self.breaks_at in {record.run.run_id for record in message.records}:
            raise RuntimeError("unexpected")
        self.batches.append(message)


class Blobs:
    """Stores large values, unless it is unavailable."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.is_away = False

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        if self.is_away:
            raise Unavailable("jobs-service does not respond")
        self.kept.append(document)
        return Payload(blob_id=f"{workspace_id}-{len(self.kept)}", size=len(document))

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        raise NotImplementedError


def a_record(run_id: str, size: int) -> RunRecorded:
    log = BlockLog(
        block_id="b",
        block_name="B",
        block_type="function",
        started_at=NOW,
        ended_at=NOW,
        duration_ms=1.0,
        success=True,
        execution_order=1,
        output="x" * size,
    )
    return RunRecorded(spec(run_id), OUTCOME, (log,))
