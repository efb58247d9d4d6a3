"""Webhook subscriptions of workspaces, and their deliveries."""

import base64
import secrets
from typing import Final

from jobs_service.webhooks.delivery import DeliveryService
from jobs_service.webhooks.ports import DeliveryRepository, SecretRepository, SubscriptionRepository, WebhookSender
from shared.bounded_inserts import BoundedInserts
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription, TestResult
from shared.errors import Conflict, InvalidRequest, NotFound

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
