"""Secrets of webhooks as they lie in documents, each sealed for its workspace and its owner there."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.rotation import SealedValue
from shared.security.sealed import Sealed
from shared.store.client import Collection, Document
from shared.store.errors import store_call

CALLBACK: Final = "callback"
"""Owns the secret for addresses that calls name; the others belong to subscriptions."""


def seal_secret(ring: AesGcmKeyRing, secret: str | None, *, workspace_id: str, owner: str) -> Document | None:
    """As it is stored; None where there is none. Raises Unavailable when there is no key."""
    return asdict(ring.seal(secret, workspace_id=workspace_id, name=_name(owner))) if secret else None


def open_secret(ring: AesGcmKeyRing, document: Document | None, *, workspace_id: str, owner: str) -> str | None:
    """The secret of a document; None where it has none. Raises Unavailable when it cannot be opened."""
    stored: dict[str, Any] | None = document.get("secret") if document else None
    return ring.open(Sealed(**stored), workspace_id=workspace_id, name=_name(owner)) if stored else None


class SealedSecrets:
    """Implements SealedValues for the secrets in one collection: of callbacks, or of subscriptions."""

    def __init__(self, collection: Collection) -> None:
        self._documents = collection

    @store_call
    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        """See SealedValues."""
        foreign = {"secret.key_id": {"$exists": True, "$ne": key_id}, "_id": {"$gt": after}}
        shown = {"workspace_id": 1, "secret": 1}
        return [_value(each) async for each in self._documents.find(foreign, shown).sort("_id", 1).limit(limit)]

    @store_call
    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        """See SealedValues."""
        held = {"_id": value.id, "secret.nonce": value.sealed.nonce}
        await self._documents.update_one(held, {"$set": {"secret": asdict(sealed)}})


def _value(document: Document) -> SealedValue:
    """A callbacks' secret is kept under its workspace's id, a subscription's under its own."""
    key, sealed = document["_id"], Sealed(**document["secret"])
    if "workspace_id" in document:
        return SealedValue(key, document["workspace_id"], _name(key), sealed)
    return SealedValue(key, key, _name(CALLBACK), sealed)


def _name(owner: str) -> str:
    return f"webhook/{owner}"
