"""`/api/workspaces/{id}/notifications`: webhooks for finished runs, and their deliveries."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query
from msgspec import UNSET
from pydantic import ConfigDict, Field, SecretStr, field_validator
from starlette.responses import Response

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.web.bodies import RequestBody, json_of
from gateway.web.routes import WorkspaceAccess, legacy_router
from shared.clients.jobs.webhooks import HttpWebhookClient
from shared.clock import iso
from shared.contracts.runs import Trigger
from shared.contracts.webhooks import (
    Delivery,
    Level,
    SaveSubscription,
    Subscription,
    TestResult,
)
from shared.errors import InvalidRequest
from shared.web.struct_bodies import StructResponse


class WebhookConfig(RequestBody):
    """URL and signing secret."""

    model_config = ConfigDict(extra="ignore")

    url: str = Field(max_length=2_048, description="A public https address.")
    secret: SecretStr | None = Field(None, description="Signs deliveries; unchanged if omitted.")


class NotificationBody(RequestBody):
    """Outcomes to report, and the content of reports."""

    model_config = ConfigDict(**{**RequestBody.model_config, "strict": False})

    notification_type: Literal["webhook"] = Field("webhook", description="Only webhooks are supported.")
    workflow_ids: list[str] = Field([], max_length=1_000)
    all_workflows: bool = Field(False, description="All workflows, including future ones.")
    level_filter: list[Level] = Field(list(Level))
    trigger_filter: list[Trigger] = Field(list(Trigger))
    include_final_output: bool = False
    include_trace_spans: bool = False
    active: bool = True
    webhook_config: WebhookConfig
    alert_config: None = Field(None, description="Alert rules are not supported.")

    @field_validator("alert_config", mode="before")
    @classmethod
    def _refuse_rules(cls, rules: Any) -> None:
        """Refuse rules: if ignored, the subscription would cover every run."""
        if rules is not None:
            raise ValueError("alertConfig: alert rules are not supported; every run that passes the filters notifies")


Body = Annotated[NotificationBody, Depends(json_of(NotificationBody))]


class Webhooks:
    """Service for subscriptions, for admins. The audit log has only the host of an address: the rest may be secret.

    `subscribe` returns once every process of jobs-service knows: runs that end from then on are reported.
    """

    def __init__(self, client: HttpWebhookClient, audit: AuditLog, settle: Callable[[], Awaitable[None]]) -> None:
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


def notifications_router(access: WorkspaceAccess, client: HttpWebhookClient, webhooks: Webhooks) -> APIRouter:
    """Return the routes: readers of the workspace read, admins change."""
    router = legacy_router("Notifications", 400, 401, 403, 404, 409, 503, prefix="/api/workspaces/{workspace_id}")
    WorkspaceCaller = Annotated[Caller, Depends(access.to_workspace)]  # noqa: N806 - a type

    @router.get("/notifications", summary="List webhook subscriptions")
    async def list_notifications(caller: WorkspaceCaller) -> Response:
        caller.require_throughout(Scope.READ)
        found = await client.subscriptions(caller.workspace.id)
        return StructResponse({"data": [_subscription_row(each, caller) for each in found]})

    @router.post("/notifications", status_code=201, summary="Create a webhook subscription")
    async def create(caller: WorkspaceCaller, body: Body) -> Response:
        created = await webhooks.subscribe(caller, _subscription(body))
        return StructResponse({"data": _subscription_row(created, caller)}, status_code=201)

    @router.get("/notifications/{notification_id}", summary="Get a webhook subscription")
    async def get(caller: WorkspaceCaller, notification_id: str) -> Response:
        caller.require_throughout(Scope.READ)
        found = await client.subscription(caller.workspace.id, notification_id)
        return StructResponse({"data": _subscription_row(found, caller)})

    @router.put("/notifications/{notification_id}", summary="Replace a webhook subscription")
    async def replace(caller: WorkspaceCaller, notification_id: str, body: Body) -> Response:
        replaced = await webhooks.replace(caller, notification_id, _subscription(body))
        return StructResponse({"data": _subscription_row(replaced, caller)})

    @router.delete("/notifications/{notification_id}", summary="Delete a webhook subscription")
    async def delete(caller: WorkspaceCaller, notification_id: str) -> Response:
        await webhooks.unsubscribe(caller, notification_id)
        return StructResponse({"success": True})

    @router.post("/notifications/{notification_id}/test", summary="Send a test to a webhook subscription")
    async def try_out(caller: WorkspaceCaller, notification_id: str) -> Response:
        result = await webhooks.try_out(caller, notification_id)
        facts = {"success": result.success, "status": result.status, "statusText": result.status_text}
        return StructResponse({"data": {**facts, "body": result.body}})

    @router.get("/deliveries", summary="List webhook deliveries")
    async def deliveries(
        caller: WorkspaceCaller,
        notification_id: Annotated[str | None, Query(alias="notificationId")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        caller.require(Scope.READ)
        page = await client.deliveries(caller.workspace.id, notification_id, limit=limit, cursor=cursor)
        shown = [_delivery(each) for each in page.deliveries if caller.covers(each.workflow_id or "")]
        return StructResponse({"data": shown, "nextCursor": page.next_cursor})

    @router.post("/deliveries/{delivery_id}/resend", status_code=202, summary="Resend a webhook delivery")
    async def resend(caller: WorkspaceCaller, delivery_id: str) -> Response:
        caller.require_throughout(Scope.ADMIN)
        await client.resend(caller.workspace.id, delivery_id)
        return StructResponse({"success": True}, status_code=202)

    @router.get("/callback-secret", summary="Get the secret that signs callbacks")
    async def callback_secret(caller: WorkspaceCaller) -> Response:
        return StructResponse({"data": {"secret": await webhooks.callback_secret(caller)}})

    return router


def _subscription(body: NotificationBody) -> SaveSubscription:
    if not body.workflow_ids and not body.all_workflows:
        raise InvalidRequest("Set workflowIds, or allWorkflows to true")
    fields: dict[str, Any] = {}
    if "secret" in body.webhook_config.model_fields_set:
        secret = body.webhook_config.secret
        fields["secret"] = secret.get_secret_value() if secret else None
    return SaveSubscription(
        url=body.webhook_config.url,
        workflow_ids=() if body.all_workflows else tuple(body.workflow_ids),
        levels=tuple(body.level_filter),
        triggers=tuple(body.trigger_filter),
        include_final_output=body.include_final_output,
        include_trace_spans=body.include_trace_spans,
        active=body.active,
        **fields,
    )


def _subscription_row(subscription: Subscription, caller: Caller) -> dict[str, Any]:
    url = subscription.url if Scope.ADMIN in caller.scopes else _origin(subscription.url)
    return {
        "id": subscription.id,
        "notificationType": "webhook",
        "workflowIds": subscription.workflow_ids,
        "allWorkflows": not subscription.workflow_ids,
        "levelFilter": subscription.levels,
        "triggerFilter": subscription.triggers,
        "includeFinalOutput": subscription.include_final_output,
        "includeTraceSpans": subscription.include_trace_spans,
        "active": subscription.active,
        "webhookConfig": {"url": url, "hasSecret": subscription.has_secret},
        "createdAt": iso(subscription.created_at),
        "failingSince": iso(subscription.failing_since) if subscription.failing_since else None,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "notificationId": delivery.subscription_id,
        "executionId": delivery.run_id,
        "url": _origin(delivery.url),
        "status": delivery.state,
        "attempts": delivery.attempts,
        "createdAt": iso(delivery.created_at),
        "nextAttemptAt": iso(delivery.next_attempt_at) if delivery.next_attempt_at else None,
        "deliveredAt": iso(delivery.delivered_at) if delivery.delivered_at else None,
        "lastStatus": delivery.last_status,
        "lastError": delivery.last_error,
    }


def _origin(url: str) -> str:
    """Return scheme and host of an address: user, password, path and query may each be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _facts(subscription: Subscription) -> dict[str, object]:
    return {
        "host": urlsplit(subscription.url).hostname,
        "workflowIds": list(subscription.workflow_ids),
        "active": subscription.active,
        "hasSecret": subscription.has_secret,
    }
