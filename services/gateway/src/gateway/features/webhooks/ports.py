"""jobs-service, as far as it knows whom to tell of runs."""

from typing import Protocol

from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription, TestResult


class WebhookClient(Protocol):
    """Keeps subscriptions, and what was sent to them. Every method raises Unavailable.

    Those that name a thing raise NotFound where the workspace has none of this id.
    """

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription: ...

    async def subscribe(self, workspace_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest (a closed address), Conflict (there are enough)."""
        ...

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, asked: SaveSubscription
    ) -> Subscription:
        """Raises InvalidRequest."""
        ...

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None: ...

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult: ...

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage: ...

    async def resend(self, workspace_id: str, delivery_id: str) -> None: ...

    async def callback_secret(self, workspace_id: str) -> str:
        """Raises InvalidRequest where no secret can be kept."""
        ...
