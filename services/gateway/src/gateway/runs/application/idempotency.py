"""Idempotency: one run per key, whose first answer serves all repeats."""

import asyncio
from datetime import timedelta
from typing import Final

from gateway.runs.domain.idempotency import CallName, IdempotencyKeyInUse, IdempotencyKeyReused, StoredAnswer
from gateway.runs.ports import CallRecord, IdempotencyRecords, Payloads
from shared.clock import Clock
from shared.errors import FlowportError, Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.tasks import cancel_task, run_periodically

log = get_logger("idempotency")

KEPT_FOR: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=30)
RENEW_SECONDS: Final = 10.0
TRIES: Final = 5


class Idempotency:
    """Service that keeps a record per call with a key. This process renews the leases of calls in progress."""

    def __init__(self, records: IdempotencyRecords, payloads: Payloads, clock: Clock) -> None:
        self._records = records
        self._payloads = payloads
        self._clock = clock
        self._held_records: dict[str, str] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to renew leases."""
        self._renewal = asyncio.create_task(run_periodically(self._renew, every=RENEW_SECONDS, name="idempotency"))

    async def stop(self) -> None:
        """Stop renewing leases."""
        await cancel_task(self._renewal)

    async def begin(self, name: CallName, fingerprint: str, run_id: str) -> CallRecord | StoredAnswer:
        """Return the record of a call that this process must answer, or the first call's answer.

        Raises IdempotencyKeyReused (another request), IdempotencyKeyInUse (not answered yet), Unavailable.
        """
        for _ in range(TRIES):
            record = CallRecord(name, fingerprint, run_id, holder=new_id())
            if await self._records.begin(record, self._clock.now(), self._clock.now() + KEPT_FOR, LEASE):
                return self._track(record)
            known = await self._records.find(name.record_id)
            if known is None:
                continue  # it just ended without an answer
            if known.record.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            if known.answer is not None:
                return known.answer
            if known.is_held:
                raise IdempotencyKeyInUse
            claimed = CallRecord(name, fingerprint, known.record.run_id, holder=record.holder, is_retry=True)
            if await self._records.take_over(known.record, claimed, LEASE):
                return self._track(claimed)
        raise Unavailable("the record of this idempotency key keeps changing")

    async def store_answer(self, record: CallRecord, status: int, headers: dict[str, str], body: bytes) -> None:
        """Store the answer. A failure is logged; the caller gets the answer."""
        try:
            answer = StoredAnswer(status, headers, await self._payloads.put(record.name.workspace_id, body))
            await self._records.store_answer(record, answer)
        except FlowportError as error:
            log.error("idempotency_answer_not_stored", run_id=record.run_id, error=error.message)
        finally:
            self._held_records.pop(record.holder, None)

    async def forget(self, record: CallRecord) -> None:
        """Release the key of a refused call that ran nothing."""
        try:
            await self._records.forget(record)
        except Unavailable as error:
            log.warning("idempotency_key_not_released", run_id=record.run_id, error=error.message)
        finally:
            self._held_records.pop(record.holder, None)

    async def release(self, record: CallRecord) -> None:
        """Release a call with unknown outcome; a retry checks it immediately, under the same run id."""
        self.abandon(record)
        try:
            await self._records.release_lease(record)
        except Unavailable as error:
            log.warning("idempotency_lease_not_released", run_id=record.run_id, error=error.message)

    def abandon(self, record: CallRecord) -> None:
        """Let the lease of a call with unknown outcome expire; a later retry checks it."""
        self._held_records.pop(record.holder, None)

    async def body_of(self, name: CallName, answer: StoredAnswer) -> bytes:
        """Return the body of a stored answer. Raises NotFound, Unavailable."""
        return await self._payloads.get(name.workspace_id, answer.body)

    def _track(self, record: CallRecord) -> CallRecord:
        self._held_records[record.holder] = record.name.record_id
        return record

    async def _renew(self) -> None:
        try:
            await self._records.renew(dict(self._held_records), LEASE)
        except Unavailable as error:
            log.warning("idempotency_leases_not_renewed", error=error.message)
