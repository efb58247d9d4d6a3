"""Webhook subscriptions at jobs-service."""

from typing import Protocol

from shared.contracts.webhooks import (
    DeliveryPage,
    SaveSubscription,
    Subscription,
    TestResult,
)


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
