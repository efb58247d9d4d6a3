"""Chats: addresses where people talk to workflows."""

from deploy_service.application.publications import changed_publication, new_publication, outlasting
from deploy_service.domain.chat import checked_identifier, checked_settings
from deploy_service.ports import ChatRepository, WorkflowRepository
from shared.clock import Clock
from shared.contracts.chats import Chat, ChatLookup, ChatSettings, CreateChat
from shared.errors import Conflict, NotFound


class Chats:
    """Manages chats. The gateway checks permissions."""

    def __init__(self, chats: ChatRepository, workflows: WorkflowRepository, clock: Clock) -> None:
        self._chats = chats
        self._workflows = workflows
        self._clock = clock

    async def create(self, request: CreateChat) -> Chat:
        """Create a chat. Raises InvalidRequest, NotFound, Conflict."""
        settings = checked_settings(request.settings)
        chat = await new_publication(Chat, request, settings, workflows=self._workflows, clock=self._clock)
        if not await self._chats.add(chat):
            has_one = await self._chats.of(request.workflow_id) is not None
            raise Conflict("Workflow already has a chat" if has_one else "Identifier already in use")
        return await outlasting(chat, self._chats, workflows=self._workflows)

    async def at(self, identifier: str) -> ChatLookup:
        """Return the chat at this address. Raises InvalidRequest for an invalid address."""
        return ChatLookup(await self._chats.at(checked_identifier(identifier)))

    async def of(self, workspace_id: str, workflow_id: str) -> ChatLookup:
        """Return a workflow's chat."""
        chat = await self._chats.of(workflow_id)
        return ChatLookup(chat if chat is not None and chat.workspace_id == workspace_id else None)

    async def get(self, chat_id: str) -> Chat:
        """Return a chat. Raises NotFound."""
        chat = await self._chats.get(chat_id)
        if chat is None:
            raise NotFound("Chat not found")
        return chat

    async def save(self, chat_id: str, settings: ChatSettings, expected_revision: int | None = None) -> Chat:
        """Replace the settings, if `expected_revision` matches or is absent.

        Raises NotFound, InvalidRequest, Conflict.
        """
        chat = await self.get(chat_id)
        changed = changed_publication(chat, checked_settings(settings), clock=self._clock)
        if not await self._chats.replace(changed, expected_revision=expected_revision or chat.revision):
            there = await self._chats.at(changed.settings.identifier)
            is_taken = there is not None and there.id != chat_id
            raise Conflict("Identifier already in use" if is_taken else "The chat was changed in between")
        return changed

    async def delete(self, chat_id: str) -> None:
        """Delete a chat and free its address."""
        await self._chats.delete(chat_id)
