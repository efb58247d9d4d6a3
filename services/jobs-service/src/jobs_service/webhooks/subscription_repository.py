"""Webhook subscriptions in MongoDB."""

from datetime import timedelta
from typing import Final

import msgspec

from jobs_service.store.timestamps import from_ms, now_ms
from jobs_service.webhooks.secret_repository import SUBSCRIPTIONS, seal_secret
from shared.contracts.webhooks import SaveSubscription, Subscription
from shared.errors import NotFound
from shared.ids import new_id
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

INDEXES: Final = (
    Index(SUBSCRIPTIONS, ascending("workspace_id")),
    Index(SUBSCRIPTIONS, ascending("secret.key_id"), name="key", sparse=True),
)
MOST_REMEMBERED: Final = 100_000


class MongoSubscriptions:
    """Implements SubscriptionRepository."""

    def __init__(self, store: Store, key_ring: AesGcmKeyRing) -> None:
        self._store = store
        self._subscriptions = store.collection(SUBSCRIPTIONS)
        self._key_ring = key_ring
        self._subscribed: frozenset[str] = frozenset()
        self._saved: set[str] = set()
        """Workspaces saved since the latest read began, which may not include them."""

    async def start(self) -> None:
        """Load the workspaces with subscriptions before the first run ends. Raises Unavailable."""
        await self.refresh()

    async def stop(self) -> None:
        """Nothing to close."""

    def has_any(self, workspace_id: str) -> bool:
        return workspace_id in self._subscribed

    @store_call
    async def refresh(self) -> None:
        """Reload the workspaces with subscriptions. Raises Unavailable."""
        self._saved.clear()
        found = await self._subscriptions.find({"active": True}, {"workspace_id": 1}).limit(MOST_REMEMBERED).to_list()
        self._subscribed = frozenset(document["workspace_id"] for document in found) | self._saved

    @store_call
    async def of(self, workspace_id: str) -> tuple[Subscription, ...]:
        found = await self._subscriptions.find({"workspace_id": workspace_id}).sort("created_at", 1).to_list()
        return tuple(map(_view, found))

    @store_call
    async def save(self, workspace_id: str, subscription_id: str | None, request: SaveSubscription) -> Subscription:
        key = subscription_id or new_id()
        fields: Document = {name: getattr(request, name) for name in _SHOWN} | {"failing_since": None}
        if request.secret is not msgspec.UNSET:
            fields["secret"] = seal_secret(self._key_ring, request.secret, workspace_id=workspace_id, owner=key)
        fixed = {"workspace_id": workspace_id, "created_at": from_ms(await now_ms(self._store))}
        update = {"$set": fields, "$setOnInsert": fixed}
        await self._subscriptions.update_one({"_id": key}, update, upsert=subscription_id is None)
        self._saved.add(workspace_id)
        self._subscribed |= {workspace_id}
        found = await self._subscriptions.find_one({"_id": key})
        if found is None:
            raise NotFound("Notification not found")
        return _view(found)

    @store_call
    async def delete(self, workspace_id: str, subscription_id: str) -> None:
        await self._subscriptions.delete_one({"_id": subscription_id, "workspace_id": workspace_id})

    @store_call
    async def record_result(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        if arrived:
            failing = {"_id": subscription_id, "failing_since": {"$ne": None}}
            await self._subscriptions.update_one(failing, {"$set": {"failing_since": None}})
            return
        now = from_ms(await now_ms(self._store))
        healthy = {"_id": subscription_id, "failing_since": None}
        await self._subscriptions.update_one(healthy, {"$set": {"failing_since": now}})
        overdue = {"_id": subscription_id, "failing_since": {"$lte": now - give_up_after}}
        await self._subscriptions.update_one(overdue, {"$set": {"active": False}})


_SHOWN: Final = (
    "url",
    "workflow_ids",
    "levels",
    "triggers",
    "include_final_output",
    "include_trace_spans",
    "active",
)


def _view(document: Document) -> Subscription:
    fields = {name: document[name] for name in ("workspace_id", "created_at", "failing_since", *_SHOWN)}
    return msgspec.convert(
        {**fields, "id": document["_id"], "has_secret": document.get("secret") is not None}, Subscription
    )
