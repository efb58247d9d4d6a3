"""The internal HTTP bodies of conversations: what agents remember from one run to the next."""

from typing import Final

import msgspec

LONGEST_CONVERSATION_ID: Final = 255
"""Characters."""
LONGEST_MESSAGE: Final = 100 * 1024
"""Bytes of UTF-8."""


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation. `role` is `user`, `assistant` or `system`."""

    role: str
    content: str
    once: str = ""
    """The append that it came with; jobs-service fills it in."""


class Conversation(msgspec.Struct, frozen=True):
    """What is kept of a conversation, oldest first; nothing for one that never was."""

    conversation_id: str
    messages: tuple[Remembered, ...] = ()


class Conversations(msgspec.Struct, frozen=True):
    """Conversations of a workspace, the latest first; the oldest are left out where there are too many to send."""

    conversations: tuple[Conversation, ...]


class AppendMessages(msgspec.Struct, frozen=True):
    """Add these messages, all or none. A second append with the same `once` adds nothing."""

    messages: tuple[Remembered, ...]
    once: str


class Forgotten(msgspec.Struct, frozen=True):
    """Whether there was such a conversation."""

    existed: bool
