"""What a browser keeps once it was let into a chat: good for a day, and only while what let it in is the same."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from gateway.features.chat.entry_codes import admits
from shared.contracts.chats import Chat, ChatAccess

TICKET_SECONDS: Final = 24 * 3600


def ticket_for(chat: Chat, now: datetime, *, holder: str = "") -> str:
    """A ticket to `chat`, of the address `holder` where it is addresses that are let in.

    It is signed with what is kept of the password: a new password makes every old ticket void.
    """
    claim = f"{int(now.timestamp()) + TICKET_SECONDS}.{holder.encode().hex()}"
    return f"{claim}.{_signature(chat, claim)}"


def opens(chat: Chat, ticket: str, now: datetime) -> bool:
    """Whether `ticket` is one of ours for `chat`, and still good."""
    claim, _, signature = ticket.rpartition(".")
    if not (ticket.isascii() and hmac.compare_digest(signature, _signature(chat, claim))):
        return False
    ends, _, holder = claim.partition(".")
    return now.timestamp() < int(ends) and _lets_in(chat, bytes.fromhex(holder).decode())


def _lets_in(chat: Chat, holder: str) -> bool:
    return chat.settings.access is not ChatAccess.EMAIL or admits(chat.settings, holder)


def _signature(chat: Chat, claim: str) -> str:
    secret = chat.settings.password_hash or chat.settings.ticket_secret or ""
    return hmac.new(secret.encode(), f"chat:{chat.id}:{claim}".encode(), hashlib.sha256).hexdigest()
