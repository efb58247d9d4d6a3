"""Workflows published as chats. deploy-service stores them, and the gateway serves them."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

MAX_ALLOWED_EMAILS: Final = 500
"""Maximum number of addresses and domains per chat."""
INVALID_IDENTIFIER: Final = "Identifier can only contain lowercase letters, numbers, and hyphens"
"""Error message for an identifier with other characters."""


class ChatAccess(StrEnum):
    """Access modes of a chat."""

    PUBLIC = "public"
    PASSWORD = "password"  # noqa: S105 - the word, not a password
    EMAIL = "email"
    """Visitors with an allowed address, verified by an emailed code."""


class ChatOutput(msgspec.Struct, frozen=True):
    """Output field whose text is shown as the answer."""

    block_id: str
    path: str = "content"


class ChatAppearance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Welcome message and appearance of the page. `primary_color` is `#rrggbb`, `image_url` an https URL."""

    primary_color: str | None = None
    welcome_message: str | None = None
    image_url: str | None = None


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of a chat. `identifier` is the last segment of its URL, unique in the installation."""

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
    """Incremented by every change of the settings."""


class CreateChat(msgspec.Struct, frozen=True):
    """Publish a workflow as a chat. CONFLICT if the identifier is taken, or the workflow already has a chat."""

    workspace_id: str
    workflow_id: str
    settings: ChatSettings


class ChatLookup(msgspec.Struct, frozen=True):
    """The chat; None if no chat has the identifier, which is not an error."""

    chat: Chat | None
