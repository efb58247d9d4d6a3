"""One run for one idempotency key, whoever sends it how often; the first answer serves all."""

import asyncio
from datetime import timedelta
from typing import Final

from gateway.runs.domain.idempotency import CallName, StoredAnswer
from gateway.runs.domain.idempotency_errors import IdempotencyKeyInUse, IdempotencyKeyReused
from gateway.runs.ports.idempotency import CallRecord, IdempotencyRecords
from gateway.runs.ports.jobs import Payloads
from shared.clock import Clock
from shared.errors import FlowportError, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.tasks import end, for_ever

log = get_logger("idempotency")

KEPT_FOR: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=30)
RENEW_SECONDS: Final = 10.0
TRIES: Final = 5


class Idempotency:
    """Keeps a record per call that carries a key. While a call is under way, this process vouches for it."""

    def __init__(self, records: IdempotencyRecords, payloads: Payloads, clock: Clock) -> None:
        self._records = records
        self._payloads = payloads
        self._clock = clock
        self._turns: dict[str, str] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to vouch for what is under way."""
        self._renewing = asyncio.create_task(for_ever(self._renew, every=RENEW_SECONDS, name="idempotency"))

    async def stop(self) -> None:
        """Vouch for nothing any more."""
        await end(self._renewing)

    async def begin(self, name: CallName, fingerprint: str, run_id: str) -> CallRecord | StoredAnswer:
        """The record of a call that is now this process's to answer, or the answer that the first one got.

        Raises IdempotencyKeyReused (another request), IdempotencyKeyInUse (not answered yet), Unavailable.
        """
        for _ in range(TRIES):
            record = CallRecord(name, fingerprint, run_id, holder=new_id())
            if await self._records.begin(record, self._clock.now(), self._clock.now() + KEPT_FOR, LEASE):
                return self._hold(record)
            known = await self._records.find(name.record_id)
            if known is None:
                continue  # it ended without an answer just now
            if known.record.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if known.answer is not None:
                return known.answer
            if known.is_held:
                raise IdempotencyKeyInUse
            taken = CallRecord(name, fingerprint, known.record.run_id, holder=record.holder, is_retry=True)
            if await self._records.take_over(known.record, taken, LEASE):
                return self._hold(taken)
        raise Unavailable("the record of this idempotency key keeps changing")

    async def keep(self, record: CallRecord, status: int, headers: dict[str, str], body: bytes) -> None:
        """The call is answered. A failure is logged: the caller gets the answer all the same."""
        try:
            answer = StoredAnswer(status, headers, await self._payloads.put(record.name.workspace_id, body))
            await self._records.keep(record, answer)
        except FlowportError as error:
            log.error("an answer is not kept", run_id=record.run_id, error=error.message)
        finally:
            self._turns.pop(record.holder, None)

    async def forget(self, record: CallRecord) -> None:
        """The call was refused, nothing ran: its key is free again."""
        try:
            await self._records.forget(record)
        except Unavailable as error:
            log.warning("an idempotency key is not freed", run_id=record.run_id, error=error.message)
        finally:
            self._turns.pop(record.holder, None)

    async def hand_on(self, record: CallRecord) -> None:
        """What became of the call is not known; whoever repeats it finds out at once, under the same run id."""
        self.leave(record)
        try:
            await self._records.let_go(record)
        except Unavailable as error:
            log.warning("an idempotency key is held until its lease ends", run_id=record.run_id, error=error.message)

    def leave(self, record: CallRecord) -> None:
        """What became of the call is not known here; whoever retries it after the lease will find out."""
        self._turns.pop(record.holder, None)

    async def body_of(self, name: CallName, answer: StoredAnswer) -> bytes:
        """The body of a kept answer. Raises NotFound, Unavailable."""
        return await self._payloads.get(name.workspace_id, answer.body)

    def _hold(self, record: CallRecord) -> CallRecord:
        self._turns[record.holder] = record.name.record_id
        return record

    async def _renew(self) -> None:
        try:
            await self._records.renew(dict(self._turns), LEASE)
        except Unavailable as error:
            log.warning("idempotency keys are not renewed", error=error.message)
