"""Chats: workflows published at an address for people. Stored by deploy-service, served by the gateway."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

MAX_ALLOWED_EMAILS: Final = 500
"""Maximum addresses and domains per chat."""
INVALID_IDENTIFIER: Final = "Identifier can only contain lowercase letters, numbers, and hyphens"
"""Error text for other identifiers."""


class ChatAccess(StrEnum):
    """Access modes of a chat."""

    PUBLIC = "public"
    PASSWORD = "password"  # noqa: S105 - the word, not a password
    EMAIL = "email"
    """Owners of allowed addresses, verified by a mailed code."""


class ChatOutput(msgspec.Struct, frozen=True):
    """A field whose text is the answer."""

    block_id: str
    path: str = "content"


class ChatAppearance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Greeting and appearance of the page. `primary_color` is `#rrggbb`, `image_url` https."""

    primary_color: str | None = None
    welcome_message: str | None = None
    image_url: str | None = None


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Author's settings of a chat. `identifier` is the last segment of its address, unique in the system."""

    identifier: str
    title: str
    description: str = ""
    look: ChatAppearance = ChatAppearance()
    access: ChatAccess = ChatAccess.PUBLIC
    password_hash: str | None = None
    """Created by the gateway; set only if `access` is PASSWORD."""
    allowed_emails: tuple[str, ...] = ()
    """`ada@example.com`, or `@example.com` for a whole domain; set only if `access` is EMAIL."""
    ticket_secret: str | None = None
    """Signs browser tickets. Created by the gateway; set only if `access` is EMAIL."""
    outputs: tuple[ChatOutput, ...] = ()
    """Empty: the text of the first agent, or the output of the run."""
    shows_thinking: bool = False
    shows_tools: bool = False
    is_active: bool = True


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A stored chat; a workflow has at most one."""

    id: str
    workspace_id: str
    workflow_id: str
    settings: ChatSettings
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    """Grows with every change of the settings."""


class CreateChat(msgspec.Struct, frozen=True):
    """Publish a workflow as a chat. CONFLICT if the address is taken, or the workflow has one."""

    workspace_id: str
    workflow_id: str
    settings: ChatSettings


class ChatLookup(msgspec.Struct, frozen=True):
    """The chat, or None: an unknown address is no error."""

    chat: Chat | None
