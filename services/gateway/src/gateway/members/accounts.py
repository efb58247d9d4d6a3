"""`/api/auth`: sessions and passwords; `/api/invitations`, whose token is sent in bodies, never in a path."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.authentication import Authentication
from gateway.access.credentials import presented_session, session_cookie
from gateway.access.models import Session, User
from gateway.access.sessions import Sessions, SignedIn
from gateway.members.service import MemberService, Profile
from gateway.web.bodies import Name, RequestBody, RoleName, Wire, json_of
from gateway.web.errors import message_of, retry_headers, status_of
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import WORKSPACE, answers, legacy_router, route_class_for
from shared.clock import Clock, iso
from shared.errors import FlowportError, InvalidRequest, Unauthenticated
from shared.web.struct_bodies import StructResponse


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a failed call."""
    status = status_of(error)
    body: dict[str, Any] = {"code": error.code, "message": message_of(error)}
    if error.details is not None:
        body["details"] = error.details
    return StructResponse(body, status_code=status, headers=retry_headers(error, status))


NO_STORE: Final = {"cache-control": "no-store"}


class SessionCookie:
    """Session cookie for this public URL."""

    def __init__(self, public_url: str) -> None:
        self._is_secure = public_url.startswith("https://")
        self._name = session_cookie(public_url)

    def read(self, request: Request) -> str | None:
        """Return the browser's token."""
        return presented_session(request.headers, self._name)

    def set(self, response: Response, token: str, *, now: datetime, expires_at: datetime) -> None:
        """Set the cookie."""
        seconds = max(0, round((expires_at - now).total_seconds()))
        response.set_cookie(
            self._name, token, max_age=seconds, path="/", httponly=True, samesite="lax", secure=self._is_secure
        )

    def clear(self, response: Response) -> None:
        """Clear the cookie."""
        response.delete_cookie(self._name, path="/", httponly=True, samesite="lax", secure=self._is_secure)


def sessions_router(
    sessions: Sessions,
    authentication: Authentication,
    cookie: SessionCookie,
    rate_limits: RateLimitHeaders,
    clock: Clock,
) -> APIRouter:
    """Return routes of sessions, which a cookie holds."""
    router = APIRouter(
        prefix="/api/auth",
        route_class=route_class_for(present_error),
        tags=["Sessions"],
        responses=answers(AuthError, 503),
    )

    @router.post(
        "/sign-in/email",
        response_model=SignedInAnswer,
        responses=answers(AuthError, 400, 401, 403, 413, 429),
        summary="Sign in with email and password",
    )
    async def sign_in(request: Request, body: Annotated[SignInBody, Depends(json_of(SignInBody))]) -> Response:
        signed_in = await sessions.sign_in(body.email, body.password, **_client_of(request, rate_limits))
        old = cookie.read(request)
        if old is not None:
            await sessions.sign_out(old)
        return signed_in_response(cookie, clock, signed_in)

    @router.get("/get-session", response_model=SessionAnswer | None, summary="Get the session")
    async def get_session(request: Request) -> Response:
        active_session = await authentication.active_session(request.headers)
        if active_session is None:
            return Response(b"null", media_type="application/json", headers=NO_STORE)
        renewed = await sessions.renew(active_session.session)
        session = renewed[0] if renewed else active_session.session
        body = SessionAnswer(session=_session_row(session), user=user_row(active_session.user))
        response = StructResponse(body.model_dump(by_alias=True), headers=NO_STORE)
        if renewed is not None:
            cookie.set(response, renewed[1], now=clock.now(), expires_at=session.expires_at)
        return response

    @router.post("/sign-out", response_model=Success, responses=answers(AuthError, 403), summary="Sign out")
    async def sign_out(request: Request) -> Response:
        token = cookie.read(request)
        if token is not None:
            await sessions.sign_out(token)
        response = StructResponse({"success": True}, headers=NO_STORE)
        cookie.clear(response)
        return response

    @router.post(
        "/change-password",
        response_model=Success,
        responses=answers(AuthError, 400, 401, 403, 413, 429),
        summary="Change the password",
    )
    async def change_password(
        request: Request, body: Annotated[ChangePasswordBody, Depends(json_of(ChangePasswordBody))]
    ) -> Response:
        active_session = await authentication.active_session(request.headers)
        if active_session is None:
            raise Unauthenticated("Unauthorized")
        await sessions.change_password(active_session, body.current_password, body.new_password)
        return StructResponse({"success": True}, headers=NO_STORE)

    return router


def signed_in_response(cookie: SessionCookie, clock: Clock, signed_in: SignedIn) -> Response:
    """Return the response to a sign-in."""
    body = SignedInAnswer(user=user_row(signed_in.user))
    response = StructResponse(body.model_dump(by_alias=True), headers=NO_STORE)
    cookie.set(response, signed_in.token, now=clock.now(), expires_at=signed_in.session.expires_at)
    return response


class UserRow(Wire):
    """User."""

    id: str
    email: str
    name: str
    created_at: str


def user_row(user: User) -> UserRow:
    """Present a user."""
    return UserRow(id=user.id, email=user.email, name=user.name, created_at=iso(user.created_at))


class SessionRow(Wire):
    """Session, without its token."""

    id: str
    user_id: str
    created_at: str
    expires_at: str


def _session_row(session: Session) -> SessionRow:
    return SessionRow(
        id=session.id,
        user_id=session.user_id,
        created_at=iso(session.created_at),
        expires_at=iso(session.expires_at),
    )


def _client_of(request: Request, rate_limits: RateLimitHeaders) -> dict[str, str]:
    return {"address": rate_limits.address_of(request), "user_agent": request.headers.get("user-agent", "")}


def invitations_router(
    authentication: Authentication,
    sessions: Sessions,
    teams: MemberService,
    *,
    cookie: SessionCookie,
    rate_limits: RateLimitHeaders,
    clock: Clock,
) -> APIRouter:
    """Return routes for holders of a link."""
    router = legacy_router("Workspaces", *WORKSPACE, prefix="/api/invitations")

    @router.post("/look", summary="Get an invitation")
    async def invitation(body: Annotated[TokenBody, Depends(json_of(TokenBody))]) -> InvitationDetails:
        invitation, workspace = await teams.find_invitation(body.token)
        return InvitationDetails(
            workspace_id=workspace.id,
            workspace_name=workspace.name,
            email=invitation.email,
            role=invitation.role.value,
            expires_at=iso(invitation.expires_at),
        )

    @router.post("/accept", response_model=SignedInAnswer, summary="Accept an invitation")
    async def accept(request: Request, body: Annotated[AcceptBody, Depends(json_of(AcceptBody))]) -> Response:
        active_session = await authentication.active_session(request.headers)
        if active_session is not None:
            await teams.accept(body.token, active_session.user)
            return StructResponse(SignedInAnswer(user=user_row(active_session.user)).model_dump(by_alias=True))
        if body.email is None or body.name is None or body.password is None:
            raise InvalidRequest("Sign in, or provide email, name and password")
        user = await teams.accept(body.token, Profile(body.email, body.name, body.password))
        agent = request.headers.get("user-agent", "")
        signed_in = await sessions.begin(user, address=rate_limits.address_of(request), user_agent=agent)
        return signed_in_response(cookie, clock, signed_in)

    return router


Password = Annotated[str, StringConstraints(max_length=1000)]


class SignInBody(RequestBody):
    """Credentials of a user."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: Password


class ChangePasswordBody(RequestBody):
    """Current and new password, of 8 characters or more."""

    current_password: Password
    new_password: Password


class SignedInAnswer(Wire):
    user: UserRow


class SessionAnswer(Wire):
    session: SessionRow
    user: UserRow


class Success(Wire):
    success: bool = True


class AuthError(Wire):
    """Error of a refused call."""

    code: str
    message: str
    details: Any = None


class TokenBody(RequestBody):
    """Part of the link after `#`."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AcceptBody(TokenBody):
    """Token of the link, and the user's profile unless signed in."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    name: Name | None = None
    password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class InvitationDetails(Wire):
    """Invitation behind a link."""

    workspace_id: str
    workspace_name: str
    email: str | None
    role: RoleName
    expires_at: str
