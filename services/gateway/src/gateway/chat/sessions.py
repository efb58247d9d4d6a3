"""Chats for their visitors: found by address, entered with a password if required."""

import hashlib
import hmac
from datetime import datetime
from typing import Final

import msgspec

from gateway.access.passwords import Argon2Passwords, SignInAttempts
from gateway.publications.service import publication_cache
from gateway.workflows.endpoints import Endpoints, Interfaces
from shared.clients.deploy.publications import HttpChatClient
from shared.clock import Clock
from shared.contracts.chats import Chat, ChatAccess, ChatSettings
from shared.contracts.deployments import Endpoint
from shared.email_addresses import email_domain
from shared.errors import Forbidden, NotFound, Unauthenticated


class PublishedChat(msgspec.Struct, frozen=True):
    """Chat whose workflow is live."""

    chat: Chat
    endpoint: Endpoint


class ChatSessions:
    """Cache of chats, for at most a second."""

    def __init__(
        self,
        chats: HttpChatClient,
        endpoints: Endpoints,
        interfaces: Interfaces,
        *,
        passwords: Argon2Passwords,
        attempts: SignInAttempts,
        clock: Clock,
    ) -> None:
        self._endpoints = endpoints
        self._interfaces = interfaces
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock
        self._chats = publication_cache(chats.at, clock, what="chats")

    async def find(self, identifier: str) -> PublishedChat:
        """Return the chat at this address. Raises NotFound, ChatUnavailable, Unavailable."""
        chat = await self._chats.get(identifier)
        endpoint = await self._endpoints.find(chat.workflow_id) if chat else None
        if chat is None or endpoint is None:
            raise NotFound("Chat not found")
        if not chat.settings.is_active or not endpoint.is_deployed:
            raise ChatUnavailable
        return PublishedChat(chat, endpoint)

    async def enter(self, chat: Chat, *, ticket: str | None, password: str | None, address: str) -> str | None:
        """Admit a visitor; return a new ticket if the password was given.

        Raises ChatLocked, WrongPassword, TooManyAttempts, Unavailable.
        """
        if chat.settings.access is ChatAccess.PUBLIC:
            return None
        if password is not None and chat.settings.access is ChatAccess.PASSWORD:
            await self._attempts.count_guess(what=f"chat:{chat.id}", address=address)
            if not await self._passwords.verify(password, chat.settings.password_hash, address=address):
                raise WrongPassword
            return ticket_for(chat, self._clock.now())
        self.require_ticket(chat, ticket)
        return None

    def require_ticket(self, chat: Chat, ticket: str | None) -> None:
        """Raise ChatLocked unless the chat is public or accepts this ticket."""
        if chat.settings.access is ChatAccess.PUBLIC:
            return
        if ticket is None or not is_valid(chat, ticket, self._clock.now()):
            raise ChatLocked(chat.settings.access)

    async def selection(self, chat: Chat) -> tuple[str, ...]:
        """Return the outputs whose text is the answer. Raises NotDeployed, NotFound, Unavailable."""
        if chat.settings.outputs:
            return tuple(f"{output.block_id}.{output.path}" for output in chat.settings.outputs)
        return (await self._interfaces.of(chat.workflow_id, None)).interface.default_selection()

    def forget(self, identifier: str) -> None:
        """Invalidate the cached chat."""
        self._chats.drop(identifier)


class ChatUnavailable(Forbidden):
    """The chat is closed, or its workflow is not live."""

    code = "CHAT_UNAVAILABLE"
    default_message = "This chat is currently unavailable"


class ChatLocked(Unauthenticated):
    """The chat requires a password or an address; chat pages rely on the message."""

    code = "CHAT_LOCKED"

    def __init__(self, access: ChatAccess) -> None:
        super().__init__(f"auth_required_{access}")


class WrongPassword(Unauthenticated):
    """The password is wrong."""

    code = "WRONG_PASSWORD"
    default_message = "Invalid password"


class WrongCode(Unauthenticated):
    """The code is wrong, expired or for another address; the error does not say which."""

    code = "WRONG_CODE"
    default_message = "Invalid or expired code"


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
