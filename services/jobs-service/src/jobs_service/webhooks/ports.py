"""Ports for webhook subscriptions, deliveries and their transport."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from jobs_service.webhooks.rules import EndedRun
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to one address."""

    id: str
    workspace_id: str
    workflow_id: str
    run_key: str
    url: str
    body: bytes
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A message to send now; `attempts` includes the attempt about to be made."""

    id: str
    workspace_id: str
    url: str
    body: bytes
    attempts: int
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """Response of an address; `status` is None without one. `refused`: the address may not be called."""

    status: int | None
    reason: str = ""
    text: str = ""
    refused: bool = False


class WebhookSender(Protocol):
    """Sends webhooks to external addresses."""

    def check(self, url: str) -> None:
        """Raise InvalidRequest for an invalid or blocked address."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        """Send a webhook. Never raises for failures of the address."""


class DeliveryRepository(Protocol):
    """Ended runs with subscribers, and the deliveries about them."""

    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        """Return up to `limit` runs without deliveries, by key; fewer if they are large."""

    async def save_deliveries(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        """Store the deliveries and mark the runs as announced."""

    async def due(
        self, limit: int, *, excluded_workspaces: Collection[str], excluded_urls: Collection[str]
    ) -> Sequence[DueDelivery]:
        """Return up to `limit` due deliveries, longest due first, except for these workspaces and addresses."""

    async def take(self, due: DueDelivery) -> bool:
        """Claim a delivery for a minute; return False where another process has claimed it."""

    async def delivered(self, due: DueDelivery, answer: WebhookAnswer) -> None: ...

    async def failed(self, due: DueDelivery, answer: WebhookAnswer, wait: timedelta | None) -> None:
        """Make the delivery due again after `wait`, or never if None."""

    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Return deliveries, newest first. Raises InvalidRequest for an invalid cursor."""

    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        """Make the delivery due now; return False if it does not exist."""


class SubscriptionRepository(Protocol):
    """Subscriptions. `has_any` answers from memory, less than a second old."""

    def has_any(self, workspace_id: str) -> bool: ...

    async def of(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def save(self, workspace_id: str, subscription_id: str | None, request: SaveSubscription) -> Subscription: ...

    async def delete(self, workspace_id: str, subscription_id: str) -> None: ...

    async def record_result(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        """Record a delivery's success or failure; deactivate a subscription that has failed for too long."""


class SecretRepository(Protocol):
    """Secrets that sign deliveries, encrypted at rest."""

    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        """Return a subscription's secret, if it has one. Raises NotFound for a deleted subscription."""

    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """Return the workspace's secret for callback URLs; create it with `make` if missing."""
