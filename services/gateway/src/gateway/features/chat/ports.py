"""Chats at deploy-service."""

from typing import Protocol

from shared.contracts.chats import Chat, ChatSettings, CreateChat


class ChatClient(Protocol):
    """Port of chats. Every method raises Unavailable."""

    async def create(self, request: CreateChat) -> Chat:
        """Raises InvalidRequest, NotFound, Conflict."""
        ...

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""
        ...

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        """Return the chat of this workflow."""
        ...

    async def get(self, chat_id: str) -> Chat:
        """Raises NotFound."""
        ...

    async def save(self, chat: Chat, settings: ChatSettings) -> Chat:
        """Replace the settings of `chat`.

        Raises NotFound, InvalidRequest, Conflict (the address is taken, or the settings changed concurrently).
        """
        ...

    async def delete(self, chat_id: str) -> None:
        """Delete the chat and release its address."""
        ...
