"""Conversation rules: bounded length, and idempotent appends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from shared.contracts.conversations import LONGEST_MESSAGE, ConversationMessage
from shared.errors import PayloadTooLarge

APPENDS_KNOWN: Final = 64
"""Number of appends remembered. A retried run repeats only its latest appends."""
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """Limits of a conversation, which keeps its newest messages: their number and bytes of JSON.

    JSON takes up to six bytes for one of a text, and a document of the store has a limit.
    """

    messages: int
    size: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Messages, oldest first, and the names of the latest appends."""

    messages: tuple[ConversationMessage, ...] = ()
    appends: tuple[str, ...] = ()

    def appended(self, messages: Sequence[ConversationMessage], once: str, limits: ConversationLimits) -> "Transcript":
        """Return the transcript with `messages` appended and the oldest dropped beyond the limits.

        An append that is already included changes nothing.

        Raises PayloadTooLarge for a message that is too long.
        """
        if once in self.appends:
            return self
        if any(len(message.content.encode()) > LONGEST_MESSAGE for message in messages):
            raise PayloadTooLarge(f"A message can have at most {LONGEST_MESSAGE} bytes")
        added = (replace(message, once=once) for message in messages)
        kept = _newest((*self.messages, *added), limits)
        return Transcript(kept, (*self.appends, once)[-APPENDS_KNOWN:])


def _newest(messages: Sequence[ConversationMessage], limits: ConversationLimits) -> tuple[ConversationMessage, ...]:
    kept: list[ConversationMessage] = []
    room = limits.size
    for message in reversed(messages[-limits.messages :]):
        room -= len(_encode(message))
        if room < 0:
            break
        kept.append(message)
    return tuple(reversed(kept))
