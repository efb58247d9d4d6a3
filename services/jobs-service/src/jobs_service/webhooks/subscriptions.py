"""Webhook subscriptions of workspaces, and their deliveries."""

import base64
import secrets
from typing import Final

from jobs_service.webhooks.delivery import Delivering
from jobs_service.webhooks.ports import Notices, SecretBox, SubscriptionBook, WebhookSender
from shared.bounded_inserts import BoundedInserts
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription, TestResult
from shared.errors import Conflict, InvalidRequest, NotFound

MOST_PER_WORKSPACE: Final = 10


class Subscribing:
    """A workspace's subscriptions and deliveries."""

    def __init__(
        self, book: SubscriptionBook, notices: Notices, box: SecretBox, delivering: Delivering, sender: WebhookSender
    ) -> None:
        self._book = book
        self._notices = notices
        self._box = box
        self._delivering = delivering
        self._sender = sender
        self._bounded = BoundedInserts()

    async def all(self, workspace_id: str) -> tuple[Subscription, ...]:
        """Return the subscriptions, oldest first. Raises Unavailable."""
        return await self._book.of(workspace_id)

    async def create(self, workspace_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest, Conflict (limit reached), Unavailable."""
        self._sender.check(asked.url)

        async def count() -> int:
            return len(await self._book.of(workspace_id))

        added = await self._bounded.insert(
            workspace_id,
            MOST_PER_WORKSPACE,
            count=count,
            insert=lambda: self._book.save(workspace_id, None, asked),
            delete=lambda saved: self._book.delete(workspace_id, saved.id),
        )
        if added is None:
            raise Conflict(f"A workspace can have at most {MOST_PER_WORKSPACE} webhooks")
        return added

    async def get(self, workspace_id: str, subscription_id: str) -> Subscription:
        """Raises NotFound, Unavailable."""
        for subscription in await self._book.of(workspace_id):
            if subscription.id == subscription_id:
                return subscription
        raise NotFound("Notification not found")

    async def replace(self, workspace_id: str, subscription_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest, NotFound, Unavailable."""
        self._sender.check(asked.url)
        await self.get(workspace_id, subscription_id)
        return await self._book.save(workspace_id, subscription_id, asked)

    async def delete(self, workspace_id: str, subscription_id: str) -> None:
        """Raises NotFound, Unavailable."""
        await self.get(workspace_id, subscription_id)
        await self._book.delete(workspace_id, subscription_id)

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult:
        """Raises NotFound, Unavailable."""
        return await self._delivering.try_out(await self.get(workspace_id, subscription_id))

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Return deliveries, newest first. Raises InvalidRequest, Unavailable."""
        return await self._notices.page(workspace_id, subscription_id, limit=limit, cursor=cursor)

    async def resend(self, workspace_id: str, delivery: str) -> None:
        """Resend a delivery now, with all its attempts. Raises NotFound, Unavailable."""
        if not await self._notices.resend(workspace_id, delivery):
            raise NotFound("Delivery not found")

    async def callback_secret(self, workspace_id: str) -> str:
        """Return the secret that signs deliveries to callback URLs. Raises InvalidRequest without encryption keys."""
        secret = await self._box.callback_secret(workspace_id, make=new_secret)
        if secret is None:
            raise InvalidRequest("This system has no key to keep secrets with")
        return secret


def new_secret() -> str:
    """Return a new secret in the Standard Webhooks format."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
