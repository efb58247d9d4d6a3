"""Routes for webhook subscriptions and deliveries."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from jobs_service.webhooks.subscriptions import SubscriptionService
from shared.contracts.webhooks import CallbackSecret, SaveSubscription, Subscriptions
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGE = 200
RequestBody = Annotated[SaveSubscription, Depends(struct_body(SaveSubscription))]


def webhooks_router(subscription_service: SubscriptionService, tokens: ServiceTokens) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(
        prefix="/internal/webhooks/{workspace_id}", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))]
    )

    @router.get("/subscriptions")
    async def all_of(workspace_id: str) -> Response:
        return StructResponse(Subscriptions(await subscription_service.all(workspace_id)))

    @router.post("/subscriptions", status_code=201)
    async def create(workspace_id: str, request: RequestBody) -> Response:
        return StructResponse(await subscription_service.create(workspace_id, request), status_code=201)

    @router.get("/subscriptions/{subscription_id}")
    async def get(workspace_id: str, subscription_id: str) -> Response:
        return StructResponse(await subscription_service.get(workspace_id, subscription_id))

    @router.put("/subscriptions/{subscription_id}")
    async def replace(workspace_id: str, subscription_id: str, request: RequestBody) -> Response:
        return StructResponse(await subscription_service.replace(workspace_id, subscription_id, request))

    @router.delete("/subscriptions/{subscription_id}", status_code=204)
    async def delete(workspace_id: str, subscription_id: str) -> None:
        await subscription_service.delete(workspace_id, subscription_id)

    @router.post("/subscriptions/{subscription_id}/test")
    async def send_test(workspace_id: str, subscription_id: str) -> Response:
        return StructResponse(await subscription_service.send_test(workspace_id, subscription_id))

    @router.get("/deliveries")
    async def deliveries(
        workspace_id: str,
        subscription_id: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        page = await subscription_service.deliveries(workspace_id, subscription_id, limit=limit, cursor=cursor)
        return StructResponse(page)

    @router.post("/deliveries/{delivery_id}/resend", status_code=204)
    async def resend(workspace_id: str, delivery_id: str) -> None:
        await subscription_service.resend(workspace_id, delivery_id)

    @router.get("/callback-secret")
    async def callback_secret(workspace_id: str) -> Response:
        return StructResponse(CallbackSecret(await subscription_service.callback_secret(workspace_id)))

    return router
