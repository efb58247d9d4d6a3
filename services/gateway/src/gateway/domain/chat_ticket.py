"""What a browser keeps once it has said a chat's password: good for a day, and only while the password is the same."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from shared.contracts.chats import Chat

TICKET_SECONDS: Final = 24 * 3600


def ticket_for(chat: Chat, now: datetime) -> str:
    """A ticket to `chat`, signed with what is kept of its password: a new password makes every old ticket void."""
    ends = int(now.timestamp()) + TICKET_SECONDS
    return f"{ends}.{_signature(chat, ends)}"


def opens(chat: Chat, ticket: str, now: datetime) -> bool:
    """Whether `ticket` is one of ours for `chat`, and still good."""
    ends, _, signature = ticket.partition(".")
    if not (ends.isascii() and ends.isdigit() and len(ends) <= 12 and signature.isascii()):
        return False
    return hmac.compare_digest(signature, _signature(chat, int(ends))) and now.timestamp() < int(ends)


def _signature(chat: Chat, ends: int) -> str:
    secret = chat.settings.password_hash or ""
    return hmac.new(secret.encode(), f"chat:{chat.id}:{ends}".encode(), hashlib.sha256).hexdigest()
