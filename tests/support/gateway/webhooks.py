"""Webhook subscriptions in memory."""

from tests.support.gateway.clock import NOON

from shared.contracts.webhooks import Delivery, DeliveryPage, SaveSubscription, Subscription, TestResult
from shared.errors import NotFound


class FakeWebhooks:
    """Implements WebhookClient. Every workspace has the delivery `D1`."""

    def __init__(self) -> None:
        self.kept: dict[str, Subscription] = {}
        self.sent: list[Delivery] = []

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]:
        return tuple(each for each in self.kept.values() if each.workspace_id == workspace_id)

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription:
        found = self.kept.get(subscription_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotFound("Notification not found")
        return found

    async def subscribe(self, workspace_id: str, request: SaveSubscription) -> Subscription:
        return self._keep(f"S{len(self.kept) + 1}", workspace_id, request)

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, request: SaveSubscription
    ) -> Subscription:
        await self.subscription(workspace_id, subscription_id)
        return self._keep(subscription_id, workspace_id, request)

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None:
        await self.subscription(workspace_id, subscription_id)
        del self.kept[subscription_id]

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult:
        await self.subscription(workspace_id, subscription_id)
        return TestResult(success=True, status=200, status_text="OK")

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        return DeliveryPage(tuple(self.sent))

    async def resend(self, workspace_id: str, delivery_id: str) -> None:
        """Accept the request: the delivery is scheduled."""

    async def callback_secret(self, workspace_id: str) -> str:
        return "s3cret"

    def _keep(self, subscription_id: str, workspace_id: str, request: SaveSubscription) -> Subscription:
        self.kept[subscription_id] = Subscription(
            id=subscription_id,
            workspace_id=workspace_id,
            url=request.url,
            workflow_ids=request.workflow_ids,
            active=request.active,
            has_secret=bool(request.secret),
            created_at=NOON,
        )
        return self.kept[subscription_id]
