"""deploy-service, as far as chats go."""

from typing import Protocol

from shared.contracts.chats import Chat, ChatSettings, CreateChat


class ChatClient(Protocol):
    """Where chats are kept. Every method raises Unavailable."""

    async def create(self, request: CreateChat) -> Chat:
        """Raises InvalidRequest, NotFound, Conflict."""
        ...

    async def at(self, identifier: str) -> Chat | None:
        """The one at this address. Raises InvalidRequest for what cannot be one."""
        ...

    async def of(self, workspace_id: str, workflow_id: str) -> Chat | None:
        """The one of this workflow."""
        ...

    async def get(self, chat_id: str) -> Chat:
        """Raises NotFound."""
        ...

    async def save(self, chat: Chat, settings: ChatSettings) -> Chat:
        """Settings in place of those of `chat`.

        Raises NotFound, InvalidRequest, Conflict (the address is taken, or others are in their place already).
        """
        ...

    async def delete(self, chat_id: str) -> None:
        """Give up the address."""
        ...
