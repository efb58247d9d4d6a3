"""Encrypted values in one collection's documents, for key rotation."""

from collections.abc import Callable, Sequence
from dataclasses import asdict

from shared.security.rotation import SealedValue
from shared.security.sealed import Sealed
from shared.store.client import Collection, Document, store_call
from shared.store.documents import known_fields

Binding = Callable[[Document], tuple[str, str]]
"""The workspace and name for which a document's value was encrypted."""


def read_sealed(stored: Document) -> Sealed:
    """Return a stored encrypted value."""
    return Sealed(**known_fields(stored, Sealed))


class SealedDocuments:
    """Implements SealedValues. `field` holds the encrypted value, and may be missing."""

    def __init__(self, collection: Collection, field: str, place: Binding) -> None:
        self._documents = collection
        self._field = field
        self._place = place

    @store_call
    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        foreign = {f"{self._field}.key_id": {"$exists": True, "$ne": key_id}, "_id": {"$gt": after}}
        shown = {"workspace_id": 1, "name": 1, self._field: 1}
        found = self._documents.find(foreign, shown).sort("_id", 1).limit(limit)
        return [self._value(document) async for document in found]

    @store_call
    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        held = {"_id": value.id, f"{self._field}.nonce": value.sealed.nonce}
        await self._documents.update_one(held, {"$set": {self._field: asdict(sealed)}})

    def _value(self, document: Document) -> SealedValue:
        workspace_id, name = self._place(document)
        return SealedValue(document["_id"], workspace_id, name, read_sealed(document[self._field]))
