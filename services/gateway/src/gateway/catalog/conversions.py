"""`POST /api/workflows/{id}/state/conversions`: converts a trigger or blocks of a draft."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from gateway.access.domain.credentials import Caller, Scope
from gateway.web.bodies import RequestBody, Wire, json_of
from gateway.web.routes import AUTHORING, Error, WorkspaceAccess, answers, described, legacy_router
from gateway.workflows.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import SaveDraft
from shared.workflow.transfer.conversions import with_api_start, with_replacements


class ConversionBody(RequestBody):
    """Conversions of the draft."""

    add_start: bool = Field(False, description="Turn a schedule or service trigger into a start for API calls.")
    replace: bool = Field(False, description="Turn blocks of other services into API blocks.")


class ReplacedBlock(Wire):
    """Block that became an API block."""

    name: str
    title: str
    secret: str = Field(description="Name of the secret to set.")


class Converted(Wire):
    """What changed in the draft."""

    start: str | None = Field(description="Name of the block that became the start; null without a change.")
    replaced: list[ReplacedBlock]


def conversions_router(access: WorkspaceAccess, authoring: Authoring, editing: DraftService) -> APIRouter:
    """Return the route, for editors."""
    router = legacy_router("Workflows", *AUTHORING, prefix="/api/workflows")
    Known = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.post(
        "/{workflow_id}/state/conversions",
        openapi_extra=described(ConversionBody),
        responses=answers(Error, 409),
        summary="Convert a trigger or blocks of the draft",
    )
    async def convert(
        caller: Known, workflow_id: str, body: Annotated[ConversionBody, Depends(json_of(ConversionBody))]
    ) -> Converted:
        caller.require(Scope.WRITE)
        draft = await authoring.draft(caller.workspace.id, workflow_id)
        state, start = draft.state, None
        if body.add_start:
            state, start = await asyncio.to_thread(with_api_start, state)
        state, replaced = await asyncio.to_thread(with_replacements, state) if body.replace else (state, [])
        if start is not None or replaced:
            await editing.save_draft(caller, workflow_id, SaveDraft(state=state, expected_revision=draft.revision))
        shown = [ReplacedBlock(name=each.name, title=each.title, secret=each.secret) for each in replaced]
        return Converted(start=start, replaced=shown)

    return router
