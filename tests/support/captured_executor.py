"""An attacker with executor-service's token."""

from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
from tests.support.tickets import ring

from shared.contracts.tickets import TICKET_HEADER, RunTicket

REFUSED = (403, "RUN_TICKET_REFUSED")


EXECUTOR = {"authorization": "Bearer executor-token"}


Answer = tuple[int, Any]


@dataclass
class Captured:
    """Actions of an attacker in executor-service: any internal call, with any ticket."""

    http: httpx2.AsyncClient

    async def send(self, method: str, path: str, ticket: RunTicket | str = "", body: Any = None) -> Answer:
        """Return status and JSON; of a refusal, its code."""
        shown = ring().sign(ticket) if isinstance(ticket, RunTicket) else ticket
        headers = EXECUTOR | ({TICKET_HEADER: shown} if shown else {})
        content = None if body is None else msgspec.json.encode(body)
        answer = await self.http.request(method, path, headers=headers, content=content)
        if not answer.content:
            return answer.status_code, None
        if answer.is_error:
            return answer.status_code, answer.json()["code"]
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.content
