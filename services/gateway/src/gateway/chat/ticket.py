"""Chat tickets in browsers: valid for a day, while the chat's access settings stay the same."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from shared.contracts.chats import Chat, ChatAccess, ChatSettings
from shared.email_addresses import email_domain

TICKET_SECONDS: Final = 24 * 3600


def admits(settings: ChatSettings, email: str) -> bool:
    """Return whether the chat admits `email`: by address or domain."""
    return email in settings.allowed_emails or email_domain(email) in settings.allowed_emails


def ticket_for(chat: Chat, now: datetime, *, holder: str = "") -> str:
    """Return a ticket to `chat`, for the address `holder` if the chat verifies addresses.

    The signature covers the stored password hash: a new password voids all old tickets.
    """
    claim = f"{int(now.timestamp()) + TICKET_SECONDS}.{holder.encode().hex()}"
    return f"{claim}.{_signature(chat, claim)}"


def is_valid(chat: Chat, ticket: str, now: datetime) -> bool:
    """Return whether `ticket` is authentic and still valid for `chat`."""
    claim, _, signature = ticket.rpartition(".")
    if not (ticket.isascii() and hmac.compare_digest(signature, _signature(chat, claim))):
        return False
    ends, _, holder = claim.partition(".")
    return now.timestamp() < int(ends) and _is_admitted(chat, bytes.fromhex(holder).decode())


def _is_admitted(chat: Chat, holder: str) -> bool:
    return chat.settings.access is not ChatAccess.EMAIL or admits(chat.settings, holder)


def _signature(chat: Chat, claim: str) -> str:
    secret = chat.settings.password_hash or chat.settings.ticket_secret or ""
    return hmac.new(secret.encode(), f"chat:{chat.id}:{claim}".encode(), hashlib.sha256).hexdigest()
