"""Chats: workflows published at an address where people talk to them. Kept by deploy-service, served by the gateway."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

MAX_ALLOWED_EMAILS: Final = 500
"""How many addresses and domains one chat lets in."""
IDENTIFIER_WORDS: Final = "Identifier can only contain lowercase letters, numbers, and hyphens"
"""What is said of any other."""


class ChatAccess(StrEnum):
    """Who may talk."""

    PUBLIC = "public"
    PASSWORD = "password"  # noqa: S105 - the word, not a password
    EMAIL = "email"
    """Who has one of the allowed addresses, and shows it by a code that is mailed there."""


class ShownOutput(msgspec.Struct, frozen=True):
    """A field whose text is the answer."""

    block_id: str
    path: str = "content"


class ChatLook(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the page greets. `primary_color` is `#rrggbb`, `image_url` https."""

    primary_color: str | None = None
    welcome_message: str | None = None
    image_url: str | None = None


class ChatSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that an author decides about a chat. The last word of its address is `identifier`, unique in the system."""

    identifier: str
    title: str
    description: str = ""
    look: ChatLook = ChatLook()
    access: ChatAccess = ChatAccess.PUBLIC
    password_hash: str | None = None
    """Made by the gateway; set where `access` is PASSWORD, and then only."""
    allowed_emails: tuple[str, ...] = ()
    """`ada@example.com`, or `@example.com` for everybody there; set where `access` is EMAIL, and then only."""
    ticket_secret: str | None = None
    """Signs what browsers keep. Made by the gateway; set where `access` is EMAIL, and then only."""
    outputs: tuple[ShownOutput, ...] = ()
    """Empty: the text of the first agent, or the output of the run."""
    shows_thinking: bool = False
    shows_tools: bool = False
    is_active: bool = True


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat as it is kept; a workflow has at most one."""

    id: str
    workspace_id: str
    workflow_id: str
    settings: ChatSettings
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    """Grows with every change of the settings."""


class CreateChat(msgspec.Struct, frozen=True):
    """Publish a workflow as a chat. CONFLICT where the address is taken, or the workflow has one."""

    workspace_id: str
    workflow_id: str
    settings: ChatSettings


class FoundChat(msgspec.Struct, frozen=True):
    """The chat that was looked for, None where there is none: to be asked about an address is no error."""

    chat: Chat | None
