"""`/api/workspaces/{id}/notifications`: webhooks for finished runs, and their deliveries."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field, SecretStr, field_validator
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.web.bodies import RequestBody, json_of
from gateway.web.routes import WorkspaceAccess, legacy_router
from gateway.webhooks.service import WebhookClient, Webhooks
from shared.clock import iso
from shared.contracts.runs import Trigger
from shared.contracts.webhooks import Delivery, Level, SaveSubscription, Subscription
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


def notifications_router(access: WorkspaceAccess, client: WebhookClient, webhooks: Webhooks) -> APIRouter:
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
