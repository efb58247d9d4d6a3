"""What agents remember."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.memory import Conversation, Remembered


class Conversations(Protocol):
    """What agents remember, each conversation bounded, by workspace and id."""

    async def read(self, workspace_id: str, conversation_id: str) -> Conversation:
        """The messages that are kept, none where there is no such conversation."""
        ...

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[Remembered], *, once: str
    ) -> None:
        """Add all messages or none; nothing the second time for one `once`. Raises PayloadTooLarge."""
        ...

    async def latest(self, workspace_id: str, limit: int, size: int) -> Sequence[Conversation]:
        """Up to `limit` conversations and about `size` bytes, those that changed last first."""
        ...

    async def forget(self, workspace_id: str, conversation_id: str) -> bool:
        """Delete a conversation; tells whether there was one."""
        ...
