"""Webhook subscriptions and deliveries."""

from shared.clients.calls import ServiceCalls
from shared.clients.jobs.run_keys import by_public_id
from shared.contracts.webhooks import (
    CallbackSecret,
    DeliveryPage,
    SaveSubscription,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.web.paths import path_of


class HttpWebhookClient(ServiceCalls):
    """Implements WebhookClient."""

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
        return DeliveryPage(tuple(map(by_public_id, page.deliveries)), page.next_cursor)

    async def resend(self, workspace_id: str, delivery_id: str) -> None:
        await self._client.call("POST", path_of("webhooks", workspace_id, "deliveries", delivery_id, "resend"))

    async def callback_secret(self, workspace_id: str) -> str:
        path = path_of("webhooks", workspace_id, "callback-secret")
        return (await self._client.call("GET", path, returns=CallbackSecret)).secret
