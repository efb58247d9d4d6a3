"""Chats for their authors: publish, read, change, delete."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.access.passwords import Argon2Passwords
from gateway.chat.mail import Outbox
from gateway.chat.sessions import ChatSessions
from gateway.publications.service import Publications
from gateway.workflows.deployment import DeploymentService
from shared.clients.deploy.publications import HttpChatClient
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts.chats import Chat, ChatAccess, ChatSettings, CreateChat
from shared.errors import InvalidRequest

NO_MAIL_SERVER: Final = (
    "Email access needs a mail server to send codes with: set FLOWPORT_SMTP_HOST and FLOWPORT_MAIL_FROM on the gateway"
)


class ChatPublications(Publications[Chat]):
    """Service for admins: a chat opens its workflow to visitors without a key."""

    noun = audited_as = "chat"

    def __init__(
        self,
        chats: HttpChatClient,
        authoring: HttpDeployClient,
        deployments: DeploymentService,
        sessions: ChatSessions,
        *,
        passwords: Argon2Passwords,
        outbox: Outbox,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(chats, audit, settle)
        self._chats = chats
        self._authoring = authoring
        self._deployments = deployments
        self._sessions = sessions
        self._passwords = passwords
        self._outbox = outbox

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
        chat = await self._create(CreateChat(caller.workspace.id, workflow_id, settings))
        async with self._delete_on_error(chat):  # unlike a deployment, a chat is easily reverted
            await self._deploy_for(chat, caller)
        self._forget(chat)
        await self._record(caller, "created", chat, after=chat)
        return chat

    async def is_free(self, identifier: str) -> bool:
        """Return whether an address is available. Raises InvalidRequest for an invalid one, Unavailable."""
        return await self._chats.at(identifier) is None

    async def of(self, caller: Caller, workflow_id: str) -> Chat | None:
        """Return the workflow's chat. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        return await self._chats.of(caller.workspace.id, workflow_id)

    async def change(self, caller: Caller, chat_id: str, changes: Mapping[str, Any], password: str | None) -> Chat:
        """Change settings by name. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""

        async def changed(chat: Chat) -> ChatSettings:
            return await self._with_secret(msgspec.structs.replace(chat.settings, **changes), password)

        _, chat = await self._replace(caller, chat_id, changed)
        return chat

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
        found = await self._authoring.status(chat.workspace_id, chat.workflow_id)
        if not found.endpoint.is_deployed or found.needs_redeployment:
            await self._deployments.deploy(caller, chat.workflow_id)

    def _admit(self, caller: Caller, publication: Chat, scope: Scope) -> Caller:
        caller = caller.on(publication.workspace_id, publication.workflow_id)
        caller.require(scope)
        return caller

    def _target(self, publication: Chat) -> tuple[str, str]:
        return publication.workflow_id, publication.settings.title

    def _facts(self, publication: Chat) -> dict[str, Any]:
        settings = publication.settings
        return {"identifier": settings.identifier, "authType": settings.access, "isActive": settings.is_active}

    def _forget(self, publication: Chat) -> None:
        self._sessions.forget(publication.settings.identifier)
