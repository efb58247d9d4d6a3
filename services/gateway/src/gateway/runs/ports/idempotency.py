"""Records of calls that may be repeated."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gateway.runs.domain.idempotency import CallName, StoredAnswer
from shared.contracts.erasure import Erase


class CallRecord(msgspec.Struct, frozen=True):
    """A call with an idempotency key, and the run that it begins. `holder` is who answers it now."""

    name: CallName
    fingerprint: str
    run_id: str
    holder: str
    is_retry: bool = False
    """Another process has begun to answer it, and is gone."""


class KnownCall(msgspec.Struct, frozen=True):
    """A record that there is. `is_held`: its holder was there lately."""

    record: CallRecord
    answer: StoredAnswer | None
    is_held: bool


class IdempotencyRecords(Protocol):
    """Records of calls, in the gateway's own database. Every method raises Unavailable."""

    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        """Store a record, in place of one that has expired. False: there is one."""
        ...

    async def find(self, record_id: str) -> KnownCall | None: ...

    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        """Replace the holder. False: somebody else was faster, or it is answered."""
        ...

    async def renew(self, turns: dict[str, str], lease: timedelta) -> None:
        """Prolong what these holders hold, by record id."""
        ...

    async def let_go(self, record: CallRecord) -> None:
        """Nobody vouches for the call any more, if `record` still is the one that is kept."""
        ...

    async def keep(self, record: CallRecord, answer: StoredAnswer) -> None:
        """Store the answer, if `record` still is the one that is kept."""
        ...

    async def forget(self, record: CallRecord) -> None:
        """Delete the record, if it still is the one that is kept and has no answer."""
        ...

    async def answers_of(self, owner: Erase, limit: int) -> Mapping[str, str | None]:
        """Up to `limit` records of a workflow or a workspace, each with the blob of its answer, if it has one."""
        ...

    async def erase(self, record_ids: Sequence[str]) -> None:
        """Delete these records, whatever they are at."""
        ...
