"""Who is told of ended runs, what was sent to them, and how it gets there."""

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
    """A message that is to be sent now; `attempts` counts the one that would be made."""

    id: str
    workspace_id: str
    url: str
    body: bytes
    attempts: int
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What an address answered; no status when it did not. `refused`: it is one that may not be called."""

    status: int | None
    reason: str = ""
    text: str = ""
    refused: bool = False


class WebhookSender(Protocol):
    """Sends webhooks out of the system."""

    def check(self, url: str) -> None:
        """Raises InvalidRequest for what is no address, or a closed one."""
        ...

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WebhookAnswer:
        """Never raises for what the address does."""
        ...


class Notices(Protocol):
    """Ended runs that somebody is to be told of, and the deliveries about them."""

    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        """Runs nobody was told of yet, by their keys: up to `limit`, and fewer of large ones."""
        ...

    async def announce(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        """Store the deliveries; these runs need no more."""
        ...

    async def due(self, limit: int, *, but_of: Collection[str], but_to: Collection[str]) -> Sequence[DueDelivery]:
        """Up to `limit`, the longest due first; none of these workspaces, and none to these addresses."""
        ...

    async def take(self, due: DueDelivery) -> bool:
        """Have it for a minute, unless somebody else took it; says whether one has."""
        ...

    async def delivered(self, due: DueDelivery, answer: WebhookAnswer) -> None: ...

    async def failed(self, due: DueDelivery, answer: WebhookAnswer, wait: timedelta | None) -> None:
        """It is due again after `wait`; None: never."""
        ...

    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Newest first. Raises InvalidRequest for a cursor that is none of ours."""
        ...

    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        """Make it due now. False: there is none."""
        ...


class SubscriptionBook(Protocol):
    """Who wants to be told. `has_any` is answered from memory, less than a second old."""

    def has_any(self, workspace_id: str) -> bool: ...

    async def of(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def save(self, workspace_id: str, subscription_id: str | None, asked: SaveSubscription) -> Subscription: ...

    async def delete(self, workspace_id: str, subscription_id: str) -> None: ...

    async def noted(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        """A delivery arrived or did not; what has failed for too long is not active any more."""
        ...


class SecretBox(Protocol):
    """Secrets that sign deliveries, sealed at rest."""

    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None:
        """None where it has none. Raises NotFound where the subscription is gone."""
        ...

    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """The workspace's secret for addresses that calls name; made by `make` where there is none."""
        ...
