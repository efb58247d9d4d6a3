"""Idempotency records in the gateway's database. Leases use the store's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from pymongo.errors import DuplicateKeyError

from gateway.runs.domain.idempotency import CallName, StoredAnswer
from gateway.runs.ports import CallRecord, KnownCall
from shared.contracts.erasure import Erase
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.payloads import decode_payload, encode_payload
from shared.store.server_time import NOW_MS, server_time_after

RECORDS: Final = "idempotency"
INDEXES: Final = (
    Index(RECORDS, ascending("expires_at"), expire_after_seconds=0),
    Index(RECORDS, ascending("workspace_id", "workflow_id")),
)


class IdempotencyStore:
    """Implements IdempotencyRecords."""

    def __init__(self, store: Store) -> None:
        self._records = store.collection(RECORDS)

    @store_call
    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        name = record.name
        fields: Document = {
            **msgspec.structs.asdict(name),
            "fingerprint": record.fingerprint,
            "run_id": record.run_id,
            "expires_at": expires_at,
            "answer": None,
            **_held(record, lease),
        }
        forgotten = {"_id": name.record_id, "expires_at": {"$lte": now}}
        try:
            await self._records.update_one(forgotten, [{"$set": _escape_literals(fields)}], upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @store_call
    async def find(self, record_id: str) -> KnownCall | None:
        stages: list[Document] = [{"$match": {"_id": record_id}}, {"$set": {"now_ms": NOW_MS}}]
        found = await (await self._records.aggregate(stages)).to_list()
        return _known_call(found[0]) if found else None

    @store_call
    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        update = [{"$set": _held(after, lease)}]
        return (await self._records.update_one(_open(before), update)).matched_count == 1

    @store_call
    async def renew(self, turns: Mapping[str, str], lease: timedelta) -> None:
        if not turns:
            return
        held = {"_id": {"$in": list(turns.values())}, "holder": {"$in": list(turns)}}
        await self._records.update_many(held, [{"$set": {"lease_ms": server_time_after(lease)}}])

    @store_call
    async def release_lease(self, record: CallRecord) -> None:
        await self._records.update_one(_open(record), {"$set": {"lease_ms": 0}})

    @store_call
    async def store_answer(self, record: CallRecord, answer: StoredAnswer) -> None:
        stored = {
            "status": answer.status,
            "headers": [[name, value] for name, value in answer.headers.items()],
            **encode_payload(answer.body),
        }
        unanswered = {"_id": record.name.record_id, "run_id": record.run_id, "answer": None}
        await self._records.update_one(unanswered, {"$set": {"answer": stored}})

    @store_call
    async def forget(self, record: CallRecord) -> None:
        await self._records.delete_one(_open(record))

    @store_call
    async def answers_of(self, owner: Erase, limit: int) -> Mapping[str, str | None]:
        wanted = {"workspace_id": owner.workspace_id}
        if owner.workflow_id is not None:
            wanted["workflow_id"] = owner.workflow_id
        found = await self._records.find(wanted, {"answer.blob_id": 1}).limit(limit).to_list()
        return {each["_id"]: (each.get("answer") or {}).get("blob_id") for each in found}

    @store_call
    async def erase(self, record_ids: Sequence[str]) -> None:
        await self._records.delete_many({"_id": {"$in": list(record_ids)}})


def _open(record: CallRecord) -> Document:
    return {"_id": record.name.record_id, "holder": record.holder, "answer": None}


def _held(record: CallRecord, lease: timedelta) -> Document:
    return {"holder": record.holder, "lease_ms": server_time_after(lease)}


def _escape_literals(fields: Document) -> Document:
    """Wrap text for a pipeline, where a leading `$` would mark an expression."""
    return {name: value if isinstance(value, dict) else {"$literal": value} for name, value in fields.items()}


def _known_call(document: Document) -> KnownCall:
    name = CallName(document["workspace_id"], document["workflow_id"], document["is_public"], document["key"])
    record = CallRecord(name, document["fingerprint"], document["run_id"], holder=document["holder"])
    return KnownCall(record, _answer(document["answer"]), is_held=document["lease_ms"] > document["now_ms"])


def _answer(stored: Document | None) -> StoredAnswer | None:
    if stored is None:
        return None
    return StoredAnswer(stored["status"], dict(stored["headers"]), decode_payload(stored))
