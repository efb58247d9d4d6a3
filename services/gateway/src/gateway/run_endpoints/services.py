"""What the doors that begin runs have in common: who comes in, and how the answer goes out."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Caller, shows_session_alone
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.http.routes import held
from gateway.runs.application.admission import AdmissionGate
from gateway.runs.application.executions import Executions
from gateway.runs.application.stream_access import StreamAccess
from gateway.streams.attached_answers import AttachedAnswers
from gateway.workflows.application.endpoints import Endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointServices:
    """Each door decides in which order it asks; the parts that it asks are these."""

    gate: AdmissionGate
    authentication: Authentication
    endpoints: Endpoints
    executions: Executions
    attached: AttachedAnswers
    limiting: RateLimitHeaders
    access: StreamAccess

    def admit(self, request: Request) -> None:
        """Take a place at the gate until the request is answered. Raises AdmissionClosed.

        Requests with a session and no key pass it, as at Sim; the workspace's places are counted all the same.
        """
        if not shows_session_alone(request.headers):
            held(request).enter_context(self.gate.admitted())

    def _admit_stranger(self, request: Request) -> None:
        """Take the place that `admit` did not ask for if the session that was shown turns out to be none."""
        if shows_session_alone(request.headers):
            held(request).enter_context(self.gate.admitted())

    def admit_to(self, request: Request, workspace_id: str) -> None:
        """Take one of the workspace's places as well. Raises AdmissionClosed."""
        held(request).enter_context(self.gate.admitted_to(workspace_id))

    async def known_caller(self, headers: Mapping[str, str], workflow_id: str) -> Caller | None:
        """Whoever shows a key or a session; what is not known of the caller and of the workflow is looked up at once.

        Raises InvalidKey, NoWorkspace, Unavailable.
        """
        self.endpoints.expect(workflow_id)
        return await self.authentication.caller(headers)

    async def public_caller(self, request: Request, workflow_id: str) -> Caller:
        """Return the public as the caller of a public workflow.

        Raises AdmissionClosed, Unauthenticated, Unavailable.
        """
        self._admit_stranger(request)
        endpoint = await self.endpoints.find(workflow_id)
        return await self.authentication.public_caller(endpoint, self.limiting.address_of(request))

    async def visitor(self, request: Request, workspace_id: str) -> Caller:
        """Return a caller without a key that a chat or a public tool server lets in.

        Raises AdmissionClosed, Unauthenticated, Unavailable.
        """
        self._admit_stranger(request)
        return await self.authentication.visitor(workspace_id, self.limiting.address_of(request))
