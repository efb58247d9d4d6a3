"""Records of calls with an idempotency key, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from gateway.idempotency.store import CallRecord, KnownCall, StoredAnswer
from shared.contracts.erasure import Erase
from shared.errors import Unavailable


class FakeCalls:
    """Implements IdempotencyRecords. Only the leases of `lost_holders` are over."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[CallRecord, StoredAnswer | None, datetime]] = {}
        self.lost_holders: set[str] = set()
        self.is_down = False

    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        if self.is_down:
            raise Unavailable("mongodb://secret-host is unavailable")
        known = self.records.get(record.name.record_id)
        if known is not None and known[2] > now:
            return False
        self.records[record.name.record_id] = (record, None, expires_at)
        if lease < timedelta():
            self.lost_holders.add(record.holder)
        return True

    async def find(self, record_id: str) -> KnownCall | None:
        known = self.records.get(record_id)
        return None if known is None else KnownCall(known[0], known[1], known[0].holder not in self.lost_holders)

    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        record, answer, expires_at = self.records[before.name.record_id]
        if record.holder != before.holder or answer is not None:
            return False
        self.records[before.name.record_id] = (after, None, expires_at)
        return True

    async def renew(self, turns: dict[str, str], lease: timedelta) -> None:
        self.lost_holders -= turns.keys()

    async def release_lease(self, record: CallRecord) -> None:
        self.lost_holders.add(record.holder)

    async def store_answer(self, record: CallRecord, answer: StoredAnswer) -> None:
        known = self.records[record.name.record_id]
        if known[0].run_id == record.run_id and known[1] is None:
            self.records[record.name.record_id] = (known[0], answer, known[2])

    async def forget(self, record: CallRecord) -> None:
        known = self.records.get(record.name.record_id)
        if known is not None and known[0].holder == record.holder and known[1] is None:
            del self.records[record.name.record_id]

    async def answers_of(self, owner: Erase, limit: int) -> Mapping[str, str | None]:
        return {
            record_id: None if answer is None else answer.body.blob_id
            for record_id, (record, answer, _) in self.records.items()
            if record.name.workspace_id == owner.workspace_id and owner.workflow_id in (None, record.name.workflow_id)
        }

    async def erase(self, record_ids: Sequence[str]) -> None:
        for record_id in record_ids:
            self.records.pop(record_id, None)

    def lose_holders(self) -> None:
        """End every process that is answering a call."""
        self.lost_holders |= {record.holder for record, answer, _ in self.records.values() if answer is None}
