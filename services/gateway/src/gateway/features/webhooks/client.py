"""Webhook subscriptions at jobs-service."""

from typing import Protocol

import msgspec

from shared.contracts.webhooks import (
    CallbackSecret,
    Delivery,
    DeliveryPage,
    SaveSubscription,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.ids import public_run_id
from shared.web.client import InternalClient
from shared.web.paths import path_of


class WebhookClient(Protocol):
    """Port of subscriptions and their deliveries. Every method raises Unavailable.

    Methods with an id raise NotFound if the workspace has no such item.
    """

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription: ...

    async def subscribe(self, workspace_id: str, saved: SaveSubscription) -> Subscription:
        """Raises InvalidRequest (a forbidden address), Conflict (at the maximum)."""

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, saved: SaveSubscription
    ) -> Subscription:
        """Raises InvalidRequest."""

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None: ...

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult: ...

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage: ...

    async def resend(self, workspace_id: str, delivery_id: str) -> None: ...

    async def callback_secret(self, workspace_id: str) -> str:
        """Return the callback secret. Raises InvalidRequest if no secret can be stored."""


class HttpWebhookClient:
    """Implements WebhookClient."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]:
        path = path_of("webhooks", workspace_id, "subscriptions")
        return (await self._client.call("GET", path, returns=Subscriptions)).subscriptions

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription:
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id)
        return await self._client.call("GET", path, returns=Subscription)

    async def subscribe(self, workspace_id: str, saved: SaveSubscription) -> Subscription:
        path = path_of("webhooks", workspace_id, "subscriptions")
        return await self._client.call("POST", path, body=saved, returns=Subscription)

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, saved: SaveSubscription
    ) -> Subscription:
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id)
        return await self._client.call("PUT", path, body=saved, returns=Subscription)

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None:
        await self._client.call("DELETE", path_of("webhooks", workspace_id, "subscriptions", subscription_id))

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult:
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id, "test")
        return await self._client.call("POST", path, returns=TestResult)

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        path = path_of(
            "webhooks", workspace_id, "deliveries", subscription_id=subscription_id, limit=limit, cursor=cursor
        )
        page = await self._client.call("GET", path, returns=DeliveryPage)
        return DeliveryPage(tuple(map(_with_public_run_id, page.deliveries)), page.next_cursor)

    async def resend(self, workspace_id: str, delivery_id: str) -> None:
        await self._client.call("POST", path_of("webhooks", workspace_id, "deliveries", delivery_id, "resend"))

    async def callback_secret(self, workspace_id: str) -> str:
        path = path_of("webhooks", workspace_id, "callback-secret")
        return (await self._client.call("GET", path, returns=CallbackSecret)).secret


def _with_public_run_id(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, run_id=public_run_id(delivery.run_id))
