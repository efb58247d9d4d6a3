"""Storage of agents' conversations."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.conversations import Conversation, ConversationMessage


class ConversationRepository(Protocol):
    """Bounded conversations of agents, by workspace and id."""

    async def read(self, workspace_id: str, conversation_id: str) -> Conversation:
        """Return the stored messages; none for an unknown conversation."""

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[ConversationMessage], *, once: str
    ) -> None:
        """Append all messages or none; nothing if `once` is repeated. Raises PayloadTooLarge."""

    async def latest(self, workspace_id: str, limit: int, size: int) -> Sequence[Conversation]:
        """Return up to `limit` conversations and about `size` bytes, most recently changed first."""

    async def forget(self, workspace_id: str, conversation_id: str) -> bool:
        """Delete a conversation; return whether it existed."""
