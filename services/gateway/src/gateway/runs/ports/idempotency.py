"""Port of idempotency records."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gateway.runs.domain.idempotency import CallName, StoredAnswer
from shared.contracts.erasure import Erase


class CallRecord(msgspec.Struct, frozen=True):
    """Call with an idempotency key, and its run. `holder` is the process that answers it."""

    name: CallName
    fingerprint: str
    run_id: str
    holder: str
    is_retry: bool = False
    """Whether a lost process had begun to answer it."""


class KnownCall(msgspec.Struct, frozen=True):
    """Existing record. `is_held`: its holder renewed it recently."""

    record: CallRecord
    answer: StoredAnswer | None
    is_held: bool


class IdempotencyRecords(Protocol):
    """Idempotency records in the gateway's own database. Every method raises Unavailable."""

    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        """Store a record, or replace an expired one. Return False if one exists."""

    async def find(self, record_id: str) -> KnownCall | None: ...

    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        """Replace the holder. Return False if another was faster, or the call is answered."""

    async def renew(self, turns: dict[str, str], lease: timedelta) -> None:
        """Renew the leases of these holders, by record id."""

    async def release_lease(self, record: CallRecord) -> None:
        """End the lease, if `record` is still the stored one."""

    async def store_answer(self, record: CallRecord, answer: StoredAnswer) -> None:
        """Store the answer, if `record` is still the stored one."""

    async def forget(self, record: CallRecord) -> None:
        """Delete the record, if it is still the stored one and has no answer."""

    async def answers_of(self, owner: Erase, limit: int) -> Mapping[str, str | None]:
        """Return up to `limit` records of a workflow or a workspace, with the blob of each answer, if any."""

    async def erase(self, record_ids: Sequence[str]) -> None:
        """Delete these records, in any state."""
