"""`GET /v1/models`: callable workflows as models."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Caller, Scope
from gateway.access.domain.rate_limits import RateKind
from gateway.features.openai.errors import present_error
from gateway.features.openai.models import ErrorAnswer, Model, ModelList
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.http.routes import presenting
from gateway.http.schemas import answers
from gateway.workflows.application.endpoints import Endpoints
from gateway.workflows.application.listing import every_workflow
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Workflow
from shared.errors import NotFound

MOST_MODELS: Final = 1_000
"""The list of models has no pages, and longer ones are useless."""


def models_router(
    authentication: Authentication, endpoints: Endpoints, limiting: RateLimitHeaders, authoring: Authoring
) -> APIRouter:
    """Return the route, which lists deployed workflows."""
    router = APIRouter(
        prefix="/v1/models",
        route_class=presenting(present_error),
        tags=["OpenAI"],
        responses=answers(ErrorAnswer, 401, 403, 429, 503),
    )

    async def counted(request: Request) -> Caller:
        caller = await authentication.require(request.headers)
        await limiting.count(request, caller, RateKind.API)
        return caller

    Known = Annotated[Caller, Depends(counted)]  # noqa: N806 - a type

    @router.get("", summary="Deployed workflows")
    async def models(caller: Known) -> ModelList:
        caller.require(Scope.READ, Scope.EXECUTE)
        found = await every_workflow(authoring, caller.workspace.id, deployed_only=True, most=MOST_MODELS)
        return ModelList(data=[_model(each) for each in found if caller.may_touch(each.id)])

    @router.get("/{workflow_id}", summary="A deployed workflow", responses=answers(ErrorAnswer, 404))
    async def model(caller: Known, workflow_id: str) -> Model:
        endpoint = await endpoints.get(workflow_id)
        caller = caller.on(endpoint.workspace_id, workflow_id)
        caller.require(Scope.READ, Scope.EXECUTE)
        if not endpoint.is_deployed:
            raise NotFound("Workflow not found")
        return _model(await authoring.get(endpoint.workspace_id, workflow_id))

    return router


def _model(workflow: Workflow) -> Model:
    return Model(id=workflow.id, created=int(workflow.created_at.timestamp()), owned_by=workflow.workspace_id)
