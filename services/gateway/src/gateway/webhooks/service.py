"""Webhook subscriptions, with an audit log."""

from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import UNSET

from gateway.access.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
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


class Webhooks:
    """Service for subscriptions, for admins. The audit log has only the host of an address: the rest may be secret.

    `subscribe` returns once every process of jobs-service knows: runs that end from then on are reported.
    """

    def __init__(self, client: WebhookClient, audit: AuditLog, settle: Callable[[], Awaitable[None]]) -> None:
        self._client = client
        self._audit = audit
        self._settle = settle

    async def subscribe(self, caller: Caller, request: SaveSubscription) -> Subscription:
        """Raises Forbidden, InvalidRequest (a forbidden address), Conflict (at the maximum), Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        created = await self._client.subscribe(caller.workspace.id, request)
        await self._record(caller, "webhook.created", created, after=_facts(created))
        await self._settle()
        return created

    async def replace(self, caller: Caller, subscription_id: str, request: SaveSubscription) -> Subscription:
        """Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        before = await self._client.subscription(caller.workspace.id, subscription_id)
        after = await self._client.replace_subscription(caller.workspace.id, subscription_id, request)
        facts = {**_facts(after), "secretChanged": request.secret is not UNSET}
        await self._record(caller, "webhook.updated", after, before=_facts(before), after=facts)
        await self._settle()
        return after

    async def unsubscribe(self, caller: Caller, subscription_id: str) -> None:
        """Raises Forbidden, NotFound, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        before = await self._client.subscription(caller.workspace.id, subscription_id)
        await self._client.unsubscribe(caller.workspace.id, subscription_id)
        await self._record(caller, "webhook.deleted", before, before=_facts(before))

    async def try_out(self, caller: Caller, subscription_id: str) -> TestResult:
        """Send a test event. Raises Forbidden, NotFound, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        subscription = await self._client.subscription(caller.workspace.id, subscription_id)
        result = await self._client.try_out(caller.workspace.id, subscription_id)
        outcome: dict[str, object] = {"success": result.success, "status": result.status}
        await self._record(caller, "webhook.tested", subscription, after=outcome)
        return result

    async def callback_secret(self, caller: Caller) -> str:
        """Return the secret that signs the deliveries of callbacks. Raises Forbidden, InvalidRequest, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        secret = await self._client.callback_secret(caller.workspace.id)
        await self._audit.record(caller, "callback_secret.read", target_id=caller.workspace.id)
        return secret

    async def _record(
        self,
        caller: Caller,
        action: str,
        subscription: Subscription,
        *,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
    ) -> None:
        host = urlsplit(subscription.url).hostname or ""
        await self._audit.record(
            caller, action, target_id=subscription.id, target_name=host, before=before, after=after
        )


def _facts(subscription: Subscription) -> dict[str, object]:
    return {
        "host": urlsplit(subscription.url).hostname,
        "workflowIds": list(subscription.workflow_ids),
        "active": subscription.active,
        "hasSecret": subscription.has_secret,
    }
