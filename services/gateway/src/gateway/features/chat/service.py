"""Chats for their authors: publish, read, change, delete."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from gateway.access.application.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
from gateway.access.ports.accounts import Passwords
from gateway.features.chat.outbox import Outbox
from gateway.features.chat.ports import ChatClient
from gateway.features.chat.sessions import ChatSessions
from gateway.optimistic import written_over
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.ports import Authoring
from shared.contracts.chats import Chat, ChatAccess, ChatSettings, CreateChat
from shared.errors import Conflict, InvalidRequest, NotFound

NO_MAIL_SERVER: Final = (
    "Email access needs a mail server to send codes with: set FLOWPORT_SMTP_HOST and FLOWPORT_MAIL_FROM on the gateway"
)


class ChatPublications:
    """Service for admins: a chat opens its workflow to visitors without a key."""

    def __init__(
        self,
        chats: ChatClient,
        authoring: Authoring,
        publishing: DeploymentService,
        visits: ChatSessions,
        *,
        passwords: Passwords,
        outbox: Outbox,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._chats = chats
        self._authoring = authoring
        self._publishing = publishing
        self._visits = visits
        self._passwords = passwords
        self._outbox = outbox
        self._audit = audit
        self._settle = settle

    @property
    def can_mail(self) -> bool:
        """Return whether chats can verify email addresses."""
        return self._outbox.is_open

    async def create(self, caller: Caller, workflow_id: str, settings: ChatSettings, password: str | None) -> Chat:
        """Publish a chat and deploy the workflow's draft, or neither.

        Raises Forbidden, InvalidRequest, InvalidWorkflow, NotFound, Unavailable.
        """
        caller.require(Scope.ADMIN)
        if await self._chats.at(settings.identifier) is not None:
            raise InvalidRequest("Identifier already in use")
        settings = await self._with_secret(settings, password)
        try:
            chat = await self._chats.create(CreateChat(caller.workspace.id, workflow_id, settings))
        except Conflict as error:
            raise InvalidRequest(error.message) from error
        await self._deploy_for(chat, caller)
        self._visits.forget(settings.identifier)
        await self._note(caller, "chat.created", chat, after=chat.settings)
        return chat

    async def is_free(self, identifier: str) -> bool:
        """Return whether an address is available. Raises InvalidRequest for an invalid one, Unavailable."""
        return await self._chats.at(identifier) is None

    async def of(self, caller: Caller, workflow_id: str) -> Chat | None:
        """Return the workflow's chat. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        return await self._chats.of(caller.workspace.id, workflow_id)

    async def get(self, caller: Caller, chat_id: str) -> tuple[Caller, Chat]:
        """Return a chat, and the caller in its workspace. Raises NotFound, Forbidden, Unavailable."""
        chat = await self._chats.get(chat_id)
        if not caller.may_enter(chat.workspace_id):
            raise NotFound("Chat not found")
        return caller.on(chat.workspace_id, chat.workflow_id), chat

    async def change(self, caller: Caller, chat_id: str, changes: Mapping[str, Any], password: str | None) -> Chat:
        """Change settings by name; returns once other gateways have them.

        Raises Forbidden, NotFound, InvalidRequest, Unavailable.
        """

        async def write() -> tuple[Caller, Chat, Chat] | None:
            entered, before = await self.get(caller, chat_id)
            entered.require(Scope.ADMIN)
            settings = await self._with_secret(msgspec.structs.replace(before.settings, **changes), password)
            try:
                return entered, before, await self._chats.save(before, settings)
            except Conflict as error:
                if (await self._chats.get(chat_id)).revision == before.revision:
                    raise InvalidRequest(error.message) from error
                return None

        caller, chat, changed = await written_over(write, else_say="The chat changes too often to change it now")
        self._visits.forget(chat.settings.identifier)
        self._visits.forget(changed.settings.identifier)
        await self._note(caller, "chat.changed", chat, before=chat.settings, after=changed.settings)
        await self._settle()
        return changed

    async def delete(self, caller: Caller, chat_id: str) -> None:
        """Delete the chat. Raises Forbidden, NotFound, Unavailable."""
        caller, chat = await self.get(caller, chat_id)
        caller.require(Scope.ADMIN)
        await self._chats.delete(chat_id)
        self._visits.forget(chat.settings.identifier)
        await self._note(caller, "chat.deleted", chat, before=chat.settings)
        await self._settle()

    async def _with_secret(self, settings: ChatSettings, password: str | None) -> ChatSettings:
        if settings.access is ChatAccess.EMAIL:
            return self._with_ticket_secret(settings)
        if settings.access is not ChatAccess.PASSWORD or password is None:
            return settings
        return msgspec.structs.replace(settings, password_hash=await self._passwords.hash(password))

    def _with_ticket_secret(self, settings: ChatSettings) -> ChatSettings:
        if not self.can_mail:
            raise InvalidRequest(NO_MAIL_SERVER)
        return msgspec.structs.replace(settings, ticket_secret=settings.ticket_secret or secrets.token_urlsafe(32))

    async def _deploy_for(self, chat: Chat, caller: Caller) -> None:
        """Deploy after creating the chat: unlike a deployment, a chat is easily reverted."""
        try:
            found = await self._authoring.status(chat.workspace_id, chat.workflow_id)
            if not found.endpoint.is_deployed or found.needs_redeployment:
                await self._publishing.deploy(caller, chat.workflow_id)
        except BaseException:
            await self._chats.delete(chat.id)
            self._visits.forget(chat.settings.identifier)
            raise

    async def _note(
        self,
        caller: Caller,
        action: str,
        chat: Chat,
        *,
        before: ChatSettings | None = None,
        after: ChatSettings | None = None,
    ) -> None:
        await self._audit.record(
            caller,
            action,
            target_id=chat.workflow_id,
            target_name=chat.settings.title,
            before=_shown(before),
            after=_shown(after),
        )


def _shown(settings: ChatSettings | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {"identifier": settings.identifier, "authType": settings.access, "isActive": settings.is_active}
