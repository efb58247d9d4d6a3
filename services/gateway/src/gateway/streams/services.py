"""Shared parts of endpoints that start runs: admission, callers and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller, shows_session_alone
from gateway.runs.executions import AdmissionGate, Executions
from gateway.runs.stream_access import StreamAccess
from gateway.streams.attached_stream import AttachedAnswers
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import call_at_end
from gateway.workflows.endpoints import Endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointServices:
    """Services that each endpoint calls in its own order."""

    gate: AdmissionGate
    authentication: Authentication
    endpoints: Endpoints
    executions: Executions
    attached: AttachedAnswers
    rate_limits: RateLimitHeaders
    access: StreamAccess

    def admit(self, request: Request, headers: Mapping[str, str] | None = None) -> None:
        """Admit the call until the request is answered. Raises AdmissionClosed.

        Requests with a session and no key skip this step, as in Sim; they still count to the workspace's limit.
        """
        if not shows_session_alone(headers or request.headers):
            self._admit(request)

    def _admit(self, request: Request) -> None:
        self.gate.admit()
        call_at_end(request, self.gate.leave)

    def _admit_unauthenticated(self, request: Request) -> None:
        """Admit a call that `admit` skipped if its session is invalid."""
        if shows_session_alone(request.headers):
            self._admit(request)

    def admit_to(self, request: Request, workspace_id: str) -> None:
        """Count the call to the workspace's limit as well. Raises AdmissionClosed."""
        self.gate.admit_to(workspace_id)
        call_at_end(request, partial(self.gate.leave_workspace, workspace_id))

    async def known_caller(self, headers: Mapping[str, str], workflow_id: str) -> Caller | None:
        """Return the caller of a key or session; look up unknown callers and workflows concurrently.

        Raises InvalidKey, NoWorkspace, Unavailable.
        """
        self.endpoints.expect(workflow_id)
        return await self.authentication.caller(headers)

    async def public_caller(self, request: Request, workflow_id: str) -> Caller:
        """Return the public as the caller of a public workflow.

        Raises AdmissionClosed, Unauthenticated, Unavailable.
        """
        self._admit_unauthenticated(request)
        endpoint = await self.endpoints.find(workflow_id)
        return await self.authentication.public_caller(endpoint, self.rate_limits.address_of(request))

    async def visitor(self, request: Request, workspace_id: str) -> Caller:
        """Return a caller without a key that a chat or public tool server admits.

        Raises AdmissionClosed, Unauthenticated, Unavailable.
        """
        self._admit_unauthenticated(request)
        return await self.authentication.visitor(workspace_id, self.rate_limits.address_of(request))
