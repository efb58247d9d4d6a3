"""Internal HTTP bodies of conversations: what agents remember between runs."""

from typing import Final

import msgspec

LONGEST_CONVERSATION_ID: Final = 255
"""Characters."""
LONGEST_MESSAGE: Final = 100 * 1024
"""Bytes of UTF-8."""


class ConversationMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation. `role` is `user`, `assistant` or `system`."""

    role: str
    content: str
    once: str = ""
    """Id of the append; set by jobs-service."""


class Conversation(msgspec.Struct, frozen=True):
    """Stored messages of a conversation, oldest first; empty if it does not exist."""

    conversation_id: str
    messages: tuple[ConversationMessage, ...] = ()


class Conversations(msgspec.Struct, frozen=True):
    """Conversations of a workspace, newest first; the oldest are omitted if there are too many to send."""

    conversations: tuple[Conversation, ...]


class AppendMessages(msgspec.Struct, frozen=True):
    """Append all these messages, or none. Repeating `once` adds nothing."""

    messages: tuple[ConversationMessage, ...]
    once: str


class ConversationDeleted(msgspec.Struct, frozen=True):
    """Whether the deleted conversation existed."""

    existed: bool
