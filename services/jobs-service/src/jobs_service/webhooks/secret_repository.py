"""Secrets that sign deliveries to subscribers and to callback URLs, each encrypted for its workspace and owner."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final

from shared.errors import NotFound
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Collection, Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments, read_sealed

SUBSCRIPTIONS: Final = "subscriptions"
CALLBACK_SECRETS: Final = "callback_secrets"
INDEXES: Final = (Index(CALLBACK_SECRETS, ascending("secret.key_id"), name="key"),)
CALLBACK: Final = "callback"
"""Owner of the secret for callback URLs; other secrets belong to subscriptions."""


class MongoWebhookSecrets:
    """Implements SecretRepository."""

    def __init__(self, store: Store, key_ring: AesGcmKeyRing) -> None:
        self._subscriptions = store.collection(SUBSCRIPTIONS)
        self._callbacks = store.collection(CALLBACK_SECRETS)
        self._key_ring = key_ring

    @store_call
    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        found = await self._subscriptions.find_one({"_id": subscription_id, "workspace_id": workspace_id})
        if found is None:
            raise NotFound(f"webhook {subscription_id} was deleted")
        return open_secret(self._key_ring, found, workspace_id=workspace_id, owner=subscription_id)

    @store_call
    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        found = await self._callbacks.find_one({"_id": workspace_id})
        if found is None and make is not None and self._key_ring.active_key_id is not None:
            made = {"secret": seal_secret(self._key_ring, make(), workspace_id=workspace_id, owner=CALLBACK)}
            await self._callbacks.update_one({"_id": workspace_id}, {"$setOnInsert": made}, upsert=True)
            found = await self._callbacks.find_one({"_id": workspace_id})
        return open_secret(self._key_ring, found, workspace_id=workspace_id, owner=CALLBACK)


def seal_secret(key_ring: AesGcmKeyRing, secret: str | None, *, workspace_id: str, owner: str) -> Document | None:
    """Return the encrypted secret, or None. Raises Unavailable without a key."""
    return asdict(key_ring.seal(secret, workspace_id=workspace_id, name=_name(owner))) if secret else None


def open_secret(key_ring: AesGcmKeyRing, document: Document | None, *, workspace_id: str, owner: str) -> str | None:
    """Return a document's secret; None if it has none. Raises Unavailable if it cannot be decrypted."""
    stored: Document | None = document.get("secret") if document else None
    return key_ring.open(read_sealed(stored), workspace_id=workspace_id, name=_name(owner)) if stored else None


def sealed_secrets(collection: Collection) -> SealedDocuments:
    """Return the secrets in one collection: of callbacks, or of subscriptions."""
    return SealedDocuments(collection, "secret", _place)


def _place(document: Document) -> tuple[str, str]:
    """A callback secret is stored under its workspace's id, a subscription's under its own."""
    key = document["_id"]
    return (document["workspace_id"], _name(key)) if "workspace_id" in document else (key, _name(CALLBACK))


def _name(owner: str) -> str:
    return f"webhook/{owner}"
