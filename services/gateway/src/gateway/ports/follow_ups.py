"""jobs-service: what became of runs, and whom to tell."""

from typing import Protocol

from shared.contracts.dead_letters import DeadLetterPage
from shared.contracts.jobs import RunAccepted
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription, TestResult


class FollowUps(Protocol):
    """jobs-service, as far as it is asked what became of runs and whom to tell. Every method raises Unavailable.

    Those that name a thing raise NotFound where the workspace has none of this id.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """The workspace's and nobody's, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def redrive_letter(self, workspace_id: str, letter_id: str, *, concurrency: int) -> RunAccepted | None:
        """Raises Conflict where nothing can be done with it, AtCapacity."""
        ...

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, workspace_id: str, run_id: str, *, concurrency: int) -> RunAccepted:
        """Raises Conflict unless the run failed, AtCapacity."""
        ...

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
