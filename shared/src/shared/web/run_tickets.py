"""Checks of the run tickets that executor-service presents with its calls."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter
from starlette.requests import Request

from shared.clock import Clock
from shared.contracts.tickets import TICKET_HEADER, RunTicket
from shared.errors import RunTicketRefused
from shared.security.run_tickets import TicketKeys, ticket_error
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, identify_caller

TICKETS: Final = Counter(
    "flowport_run_tickets_total", "Calls of executor-service by run ticket: valid, missing, refused.", ["result"]
)
OTHER_RUN: Final = "The run ticket is for another run"
_VALID, _MISSING, _REFUSED = map(TICKETS.labels, ("valid", "missing", "refused"))


@dataclass(frozen=True, slots=True)
class RunAccess:
    """Data that a call may access: one run's with a ticket, everything without."""

    ticket: RunTicket | None = None

    @property
    def valid_until(self) -> datetime | None:
        """Return when the ticket expires; None without one."""
        return None if self.ticket is None else datetime.fromtimestamp(self.ticket.expires_at, UTC)

    def require(self, **claims: str | None) -> None:
        """Check that the ticket has these claims. Raises RunTicketRefused."""
        if self.ticket is None:
            return
        for name, value in claims.items():
            if getattr(self.ticket, name) != value:
                _REFUSED.inc()
                raise ticket_error(f"other_{name}", f"The run ticket is for another {name}")


class TicketChecks:
    """Checks the tickets that executor-service presents. Other services are trusted and need none."""

    def __init__(self, tokens: ServiceTokens, keys: TicketKeys, clock: Clock, *, accepts_missing: bool) -> None:
        self._tokens = tokens
        self._keys = keys
        self._clock = clock
        self._accepts_missing = accepts_missing

    def access(self, *callers: ServiceName) -> Callable[[Request], Awaitable[RunAccess]]:
        """Return a FastAPI dependency that admits `callers`, and executor-service with a ticket only.

        Raises Unauthenticated, Forbidden, RunTicketRefused.
        """

        async def check(request: Request) -> RunAccess:
            if identify_caller(request, self._tokens, callers) is not ServiceName.EXECUTOR:
                return RunAccess()
            return self.verify(request.headers.get(TICKET_HEADER, ""))

        return check

    def verify(self, text: str) -> RunAccess:
        """Return what a ticket of executor-service permits. Raises RunTicketRefused."""
        try:
            ticket = self._ticket(text, self._clock.now().timestamp())
        except RunTicketRefused:
            _REFUSED.inc()
            raise
        (_VALID if ticket else _MISSING).inc()
        return RunAccess(ticket)

    def refusals(
        self, tickets: Sequence[str], workspace_id: str, workflow_id: str, runs: Sequence[str]
    ) -> list[str | None]:
        """Return why each ticket is refused; None for that of its run, in this workflow. Faster than single checks."""
        now = self._clock.now().timestamp()
        found: list[str | None] = []
        for text, run_id in zip(tickets, runs, strict=True):
            try:
                ticket = self._ticket(text, now)
            except RunTicketRefused as error:
                found.append(error.message)
                continue
            is_of_run = ticket is None or (
                ticket.run_id == run_id and ticket.workflow_id == workflow_id and ticket.workspace_id == workspace_id
            )
            found.append(None if is_of_run else OTHER_RUN)
        missing = tickets.count("") if self._accepts_missing else 0
        accepted = found.count(None)
        _VALID.inc(accepted - missing)
        _MISSING.inc(missing)
        _REFUSED.inc(len(found) - accepted)
        return found

    def _ticket(self, text: str, now: float) -> RunTicket | None:
        if not text:
            if self._accepts_missing:
                return None
            raise ticket_error("missing", "A run ticket is required")
        ticket = self._keys.verify(text)
        if ticket.expires_at <= now:
            raise ticket_error("expired", "The run ticket has expired")
        return ticket
