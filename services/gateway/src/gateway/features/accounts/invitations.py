"""`/api/invitations`: read and accept. The token is sent in bodies, never in a path."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.application.authentication import Authentication
from gateway.access.application.members import MemberService, Profile
from gateway.access.application.sessions import Sessions
from gateway.features.accounts.cookies import SessionCookie
from gateway.features.accounts.models import AcceptBody, InvitationLook, SignedInAnswer, TokenBody
from gateway.features.accounts.routes import entered, user_row
from gateway.http.bodies import json_of
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.http.routers import WORKSPACE, legacy_router
from shared.clock import Clock, iso
from shared.errors import InvalidRequest
from shared.web.structs import StructResponse


def invitations_router(
    authentication: Authentication,
    sessions: Sessions,
    teams: MemberService,
    *,
    cookie: SessionCookie,
    limiting: RateLimitHeaders,
    clock: Clock,
) -> APIRouter:
    """Return routes for holders of a link."""
    router = legacy_router("Workspaces", *WORKSPACE, prefix="/api/invitations")

    @router.post("/look")
    async def look(body: Annotated[TokenBody, Depends(json_of(TokenBody))]) -> InvitationLook:
        invitation, workspace = await teams.look(body.token)
        return InvitationLook(
            workspace_id=workspace.id,
            workspace_name=workspace.name,
            email=invitation.email,
            role=invitation.role.value,
            expires_at=iso(invitation.expires_at),
        )

    @router.post("/accept", response_model=SignedInAnswer)
    async def accept(request: Request, body: Annotated[AcceptBody, Depends(json_of(AcceptBody))]) -> Response:
        visit = await authentication.visit(request.headers)
        if visit is not None:
            await teams.accept(body.token, visit.user)
            return StructResponse(SignedInAnswer(user=user_row(visit.user)).model_dump(by_alias=True))
        if body.email is None or body.name is None or body.password is None:
            raise InvalidRequest("Sign in, or give email, name and password")
        user = await teams.accept(body.token, Profile(body.email, body.name, body.password))
        agent = request.headers.get("user-agent", "")
        signed_in = await sessions.begin(user, address=limiting.address_of(request), user_agent=agent)
        return entered(cookie, clock, signed_in)

    return router
