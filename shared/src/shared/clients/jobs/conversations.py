"""Agents' conversations, stored by jobs-service."""

from collections.abc import Mapping, Sequence

from shared.clients.calls import ServiceCalls
from shared.contracts.conversations import (
    AppendMessages,
    Conversation,
    ConversationDeleted,
    ConversationMessage,
    Conversations,
)
from shared.web.paths import path_of


class JobsMemoryStore(ServiceCalls):
    """Implements MemoryStore."""

    async def read(self, workspace_id: str, conversation_id: str) -> Sequence[ConversationMessage]:
        path = _messages(workspace_id, conversation_id)
        return (await self._client.call("GET", path, returns=Conversation)).messages

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[ConversationMessage], *, once: str
    ) -> None:
        body = AppendMessages(tuple(messages), once)
        await self._client.call("POST", _messages(workspace_id, conversation_id), body=body)

    async def conversations(self, workspace_id: str) -> Mapping[str, Sequence[ConversationMessage]]:
        found = await self._client.call("GET", path_of("conversations", workspace_id), returns=Conversations)
        return {each.conversation_id: each.messages for each in found.conversations}

    async def delete(self, workspace_id: str, conversation_id: str) -> bool:
        path = _messages(workspace_id, conversation_id)
        return (await self._client.call("DELETE", path, returns=ConversationDeleted)).existed


def _messages(workspace_id: str, conversation_id: str) -> str:
    return path_of("conversations", workspace_id, "messages", conversation_id=conversation_id)
