"""Run tickets for tests, signed with a key that the services under test know."""

import time
from base64 import b64encode
from typing import Any, Final

from shared.clock import SystemClock
from shared.contracts.tickets import RunTicket
from shared.security.key_list import parse_keys
from shared.security.run_tickets import TicketKeys, TicketSigner


def ticket_key(key_id: str) -> str:
    """Return a ticket key of this name, in the format of the setting."""
    return f"{key_id}:{b64encode(key_id.encode().ljust(32, b'-')).decode()}"


TICKET_KEY: Final = ticket_key("tickets")
SIGNER: Final = TicketSigner(TicketKeys(parse_keys(TICKET_KEY)), SystemClock())


def ring(text: str = TICKET_KEY) -> TicketKeys:
    """Return the keys that a setting lists."""
    return TicketKeys(parse_keys(text))


def a_ticket(**claims: Any) -> RunTicket:
    """Return a ticket with these claims that is valid for an hour."""
    known: dict[str, Any] = {
        "workspace_id": "ws",
        "workflow_id": "workflow-1",
        "snapshot_hash": "0" * 64,
        "run_id": "run-1",
        "user_id": None,
        "expires_at": int(time.time()) + 3600,
    }
    return RunTicket(**(known | claims))
