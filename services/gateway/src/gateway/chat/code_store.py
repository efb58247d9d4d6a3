"""Codes in the gateway's database, under a hash of their address."""

from datetime import datetime
from typing import Final

import msgspec

from gateway.chat.codes import MAX_TRIES, EntryCode
from shared.store.client import Store, store_call
from shared.store.indexes import Index, ascending

CODES: Final = "entry_codes"
INDEXES: Final = (Index(CODES, ascending("expires_at"), expire_after_seconds=0),)


class EntryCodeStore:
    """Implements EntryCodes."""

    def __init__(self, store: Store) -> None:
        self._codes = store.collection(CODES)

    @store_call
    async def put(self, key: str, code: EntryCode) -> None:
        await self._codes.replace_one({"_id": key}, {**msgspec.structs.asdict(code), "tries": 0}, upsert=True)

    @store_call
    async def count_try(self, key: str, now: datetime) -> EntryCode | None:
        good = {"_id": key, "tries": {"$lt": MAX_TRIES}, "expires_at": {"$gt": now}}
        counted = await self._codes.update_one(good, {"$inc": {"tries": 1}})
        document = await self._codes.find_one({"_id": key}) if counted.matched_count else None
        return None if document is None else msgspec.convert(document, EntryCode)

    @store_call
    async def use(self, key: str, code: EntryCode) -> bool:
        return (await self._codes.delete_one({"_id": key, "code_hash": code.code_hash})).deleted_count == 1
