"""Webhook subscriptions of workspaces, and their deliveries."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from jobs_service.store import from_ms, now_ms
from jobs_service.webhooks.delivery import DeliveryService
from jobs_service.webhooks.rules import DeliveryRepository, SecretRepository, SubscriptionRepository, WebhookSender
from shared.bounded_inserts import BoundedInserts
from shared.contracts.webhooks import (
    CallbackSecret,
    DeliveryPage,
    SaveSubscription,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import new_id
from shared.security.aes_gcm import AesGcmKeyRing
from shared.service import ServiceName
from shared.store.client import Collection, Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments, read_sealed
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

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


SUBSCRIPTION_INDEXES: Final = (
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


MOST_PER_WORKSPACE: Final = 10


class SubscriptionService:
    """A workspace's subscriptions and deliveries."""

    def __init__(
        self,
        subscriptions: SubscriptionRepository,
        deliveries: DeliveryRepository,
        webhook_secrets: SecretRepository,
        delivery_service: DeliveryService,
        sender: WebhookSender,
    ) -> None:
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._webhook_secrets = webhook_secrets
        self._delivery_service = delivery_service
        self._sender = sender
        self._bounded = BoundedInserts()

    async def all(self, workspace_id: str) -> tuple[Subscription, ...]:
        """Return the subscriptions, oldest first. Raises Unavailable."""
        return await self._subscriptions.of(workspace_id)

    async def create(self, workspace_id: str, request: SaveSubscription) -> Subscription:
        """Create a subscription. Raises InvalidRequest, Conflict (limit reached), Unavailable."""
        self._sender.check(request.url)

        async def count() -> int:
            return len(await self._subscriptions.of(workspace_id))

        added = await self._bounded.insert(
            workspace_id,
            MOST_PER_WORKSPACE,
            count=count,
            insert=lambda: self._subscriptions.save(workspace_id, None, request),
            delete=lambda saved: self._subscriptions.delete(workspace_id, saved.id),
        )
        if added is None:
            raise Conflict(f"A workspace can have at most {MOST_PER_WORKSPACE} webhooks. Delete one first.")
        return added

    async def get(self, workspace_id: str, subscription_id: str) -> Subscription:
        """Return a subscription. Raises NotFound, Unavailable."""
        for subscription in await self._subscriptions.of(workspace_id):
            if subscription.id == subscription_id:
                return subscription
        raise NotFound("Notification not found")

    async def replace(self, workspace_id: str, subscription_id: str, request: SaveSubscription) -> Subscription:
        """Replace a subscription. Raises InvalidRequest, NotFound, Unavailable."""
        self._sender.check(request.url)
        await self.get(workspace_id, subscription_id)
        return await self._subscriptions.save(workspace_id, subscription_id, request)

    async def delete(self, workspace_id: str, subscription_id: str) -> None:
        """Delete a subscription. Raises NotFound, Unavailable."""
        await self.get(workspace_id, subscription_id)
        await self._subscriptions.delete(workspace_id, subscription_id)

    async def send_test(self, workspace_id: str, subscription_id: str) -> TestResult:
        """Send a test event. Raises NotFound, Unavailable."""
        return await self._delivery_service.send_test(await self.get(workspace_id, subscription_id))

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Return deliveries, newest first. Raises InvalidRequest, Unavailable."""
        return await self._deliveries.page(workspace_id, subscription_id, limit=limit, cursor=cursor)

    async def resend(self, workspace_id: str, delivery: str) -> None:
        """Resend a delivery now, with all its attempts. Raises NotFound, Unavailable."""
        if not await self._deliveries.resend(workspace_id, delivery):
            raise NotFound("Delivery not found")

    async def callback_secret(self, workspace_id: str) -> str:
        """Return the secret that signs deliveries to callback URLs. Raises InvalidRequest without encryption keys."""
        secret = await self._webhook_secrets.callback_secret(workspace_id, make=new_secret)
        if secret is None:
            raise InvalidRequest("Webhook secrets cannot be stored: FLOWPORT_WEBHOOK_KEYS is not set")
        return secret


def new_secret() -> str:
    """Return a new secret in the Standard Webhooks format."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


MAX_PAGE = 200
RequestBody = Annotated[SaveSubscription, Depends(struct_body(SaveSubscription))]


def webhooks_router(subscription_service: SubscriptionService, tokens: ServiceTokens) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(
        prefix="/internal/webhooks/{workspace_id}", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))]
    )

    @router.get("/subscriptions")
    async def all_of(workspace_id: str) -> Response:
        return StructResponse(Subscriptions(await subscription_service.all(workspace_id)))

    @router.post("/subscriptions", status_code=201)
    async def create(workspace_id: str, request: RequestBody) -> Response:
        return StructResponse(await subscription_service.create(workspace_id, request), status_code=201)

    @router.get("/subscriptions/{subscription_id}")
    async def get(workspace_id: str, subscription_id: str) -> Response:
        return StructResponse(await subscription_service.get(workspace_id, subscription_id))

    @router.put("/subscriptions/{subscription_id}")
    async def replace(workspace_id: str, subscription_id: str, request: RequestBody) -> Response:
        return StructResponse(await subscription_service.replace(workspace_id, subscription_id, request))

    @router.delete("/subscriptions/{subscription_id}", status_code=204)
    async def delete(workspace_id: str, subscription_id: str) -> None:
        await subscription_service.delete(workspace_id, subscription_id)

    @router.post("/subscriptions/{subscription_id}/test")
    async def send_test(workspace_id: str, subscription_id: str) -> Response:
        return StructResponse(await subscription_service.send_test(workspace_id, subscription_id))

    @router.get("/deliveries")
    async def deliveries(
        workspace_id: str,
        subscription_id: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        page = await subscription_service.deliveries(workspace_id, subscription_id, limit=limit, cursor=cursor)
        return StructResponse(page)

    @router.post("/deliveries/{delivery_id}/resend", status_code=204)
    async def resend(workspace_id: str, delivery_id: str) -> None:
        await subscription_service.resend(workspace_id, delivery_id)

    @router.get("/callback-secret")
    async def callback_secret(workspace_id: str) -> Response:
        return StructResponse(CallbackSecret(await subscription_service.callback_secret(workspace_id)))

    return router
