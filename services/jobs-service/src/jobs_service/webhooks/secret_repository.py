"""Secrets that sign deliveries to subscribers and to callback URLs."""

from collections.abc import Callable
from typing import Final

from jobs_service.webhooks.sealed_secrets import CALLBACK, open_secret, seal_secret
from jobs_service.webhooks.subscription_repository import SUBSCRIPTIONS
from shared.errors import NotFound
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Store
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

CALLBACK_SECRETS: Final = "callback_secrets"
INDEXES: Final = (Index(CALLBACK_SECRETS, ascending("secret.key_id"), name="key"),)


class MongoWebhookSecrets:
    """Implements SecretRepository."""

    def __init__(self, store: Store, wake: AesGcmKeyRing) -> None:
        self._subscriptions = store.collection(SUBSCRIPTIONS)
        self._callbacks = store.collection(CALLBACK_SECRETS)
        self._ring = wake

    @store_call
    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        """See SecretRepository."""
        found = await self._subscriptions.find_one({"_id": subscription_id, "workspace_id": workspace_id})
        if found is None:
            raise NotFound(f"webhook {subscription_id} was deleted")
        return open_secret(self._ring, found, workspace_id=workspace_id, owner=subscription_id)

    @store_call
    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """See SecretRepository."""
        found = await self._callbacks.find_one({"_id": workspace_id})
        if found is None and make is not None and self._ring.active_key_id is not None:
            made = {"secret": seal_secret(self._ring, make(), workspace_id=workspace_id, owner=CALLBACK)}
            await self._callbacks.update_one({"_id": workspace_id}, {"$setOnInsert": made}, upsert=True)
            found = await self._callbacks.find_one({"_id": workspace_id})
        return open_secret(self._ring, found, workspace_id=workspace_id, owner=CALLBACK)
