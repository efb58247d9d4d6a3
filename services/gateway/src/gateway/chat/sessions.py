"""Chats for their visitors: found by address, entered with a password if required."""

from typing import Protocol

import msgspec

from gateway.access.ports import Passwords
from gateway.access.sessions import SignInAttempts
from gateway.chat.errors import ChatLocked, ChatUnavailable, WrongPassword
from gateway.chat.ticket import is_valid, ticket_for
from gateway.publications.service import PublicationClient, publication_cache
from gateway.workflows.endpoints import Endpoints, Interfaces
from shared.clock import Clock
from shared.contracts.chats import Chat, ChatAccess
from shared.contracts.deployments import Endpoint
from shared.errors import NotFound


class ChatClient(PublicationClient[Chat], Protocol):
    """Port of chats."""

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        """Return the chat of this workflow."""


class PublishedChat(msgspec.Struct, frozen=True):
    """Chat whose workflow is live."""

    chat: Chat
    endpoint: Endpoint


class ChatSessions:
    """Cache of chats, for at most a second."""

    def __init__(
        self,
        chats: ChatClient,
        endpoints: Endpoints,
        interfaces: Interfaces,
        *,
        passwords: Passwords,
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
