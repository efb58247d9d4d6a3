"""jobs-service, as far as it is asked what became of runs and messages, and whom to tell."""

import msgspec

from gateway.adapters.run_keys import by_public_id
from shared.contracts.dead_letters import DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted
from shared.contracts.webhooks import (
    CallbackSecret,
    Delivery,
    DeliveryPage,
    SaveSubscription,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.ids import public_run_id, run_key
from shared.web.client import InternalClient
from shared.web.paths import path_of


class FollowUpService:
    """Implements FollowUps."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """See FollowUps."""
        path = path_of("dead-letters", workspace_id=workspace_id, limit=limit, cursor=cursor)
        page = await self._client.call("GET", path, returns=DeadLetterPage)
        return DeadLetterPage(tuple(map(_letter, page.letters)), page.next_cursor)

    async def redrive_letter(self, workspace_id: str, letter_id: str, *, concurrency: int) -> RunAccepted | None:
        """See FollowUps."""
        path = path_of("dead-letters", letter_id, "redrive")
        content = await self._client.fetch("POST", path, body=RedriveRun(workspace_id, concurrency))
        return None if content == b"{}" else by_public_id(msgspec.json.decode(content, type=RunAccepted))

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None:
        """See FollowUps."""
        await self._client.call("DELETE", path_of("dead-letters", letter_id, workspace_id=workspace_id))

    async def redrive_run(self, workspace_id: str, run_id: str, *, concurrency: int) -> RunAccepted:
        """See FollowUps."""
        path = path_of("runs", run_key(workspace_id, run_id), "redrive")
        asked = RedriveRun(workspace_id, concurrency)
        return by_public_id(await self._client.call("POST", path, body=asked, returns=RunAccepted))

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "subscriptions")
        return (await self._client.call("GET", path, returns=Subscriptions)).subscriptions

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id)
        return await self._client.call("GET", path, returns=Subscription)

    async def subscribe(self, workspace_id: str, asked: SaveSubscription) -> Subscription:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "subscriptions")
        return await self._client.call("POST", path, body=asked, returns=Subscription)

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, asked: SaveSubscription
    ) -> Subscription:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id)
        return await self._client.call("PUT", path, body=asked, returns=Subscription)

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None:
        """See FollowUps."""
        await self._client.call("DELETE", path_of("webhooks", workspace_id, "subscriptions", subscription_id))

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "subscriptions", subscription_id, "test")
        return await self._client.call("POST", path, returns=TestResult)

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """See FollowUps."""
        path = path_of(
            "webhooks", workspace_id, "deliveries", subscription_id=subscription_id, limit=limit, cursor=cursor
        )
        page = await self._client.call("GET", path, returns=DeliveryPage)
        return DeliveryPage(tuple(map(_delivery, page.deliveries)), page.next_cursor)

    async def resend(self, workspace_id: str, delivery_id: str) -> None:
        """See FollowUps."""
        await self._client.call("POST", path_of("webhooks", workspace_id, "deliveries", delivery_id, "resend"))

    async def callback_secret(self, workspace_id: str) -> str:
        """See FollowUps."""
        path = path_of("webhooks", workspace_id, "callback-secret")
        return (await self._client.call("GET", path, returns=CallbackSecret)).secret


def _letter(letter: DeadLetterView) -> DeadLetterView:
    return msgspec.structs.replace(letter, run_id=public_run_id(letter.run_id)) if letter.run_id else letter


def _delivery(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, run_id=public_run_id(delivery.run_id))
