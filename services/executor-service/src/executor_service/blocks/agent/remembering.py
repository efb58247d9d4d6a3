"""Conversations that an agent remembers from one run to the next."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from executor_service.blocks.ports import MemoryStore
from executor_service.blocks.values import number_of
from executor_service.engine import BlockFailure, Call
from executor_service.providers import Message, Role
from shared.contracts.memory import LONGEST_CONVERSATION_ID, LONGEST_MESSAGE, Remembered
from shared.workflow.format.js_values import Json, JsonObject, to_string

NO_STORE: Final = "This server has no store for conversations"
NO_ID: Final = f"A conversation ID of 1 to {LONGEST_CONVERSATION_ID} characters is required for memory"
DEFAULT_WINDOW: Final = 10
DEFAULT_TOKENS: Final = 4000
_CHARACTERS_PER_TOKEN: Final = 4
_ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT}


@dataclass(frozen=True, slots=True)
class Memory:
    """The conversation of one call. What was said before goes to the model after the system messages."""

    store: MemoryStore
    call: Call
    conversation_id: str
    window: int | None
    """So many messages of before; None for all that the tokens allow."""
    tokens: int | None

    async def recall(self, said: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
        """What was said before, as much as the window holds, and what of `said` is new.

        A block's messages begin a conversation; of one that goes on, only its latest question is not known yet. What
        an earlier try of this very call has kept is not of before, and what says nothing is refused by models.
        """
        stored = await self.store.read(self.call.request.workspace_id, self.conversation_id)
        kept = [message for message in stored if message.role in _ROLES and message.once != self._once]
        kept = [message for message in kept if message.content.strip()]
        before = [Message(role=_ROLES[message.role], content=message.content) for message in kept]
        return self._within_window(before), _latest_question(said) if before else said

    def _within_window(self, messages: Sequence[Message]) -> Sequence[Message]:
        if self.window is not None:
            return messages[-self.window :]
        return messages if self.tokens is None else _newest(messages, self.tokens)

    async def keep(self, said: Iterable[Message], answer: str) -> None:
        """Add what was said now, and the answer; once, however often the run is tried.

        Not where there is no answer: models refuse a conversation with an empty message in it, from then on.
        """
        if not answer.strip():
            return
        new = [Remembered(str(message.role), _cut(message.content or "")) for message in said if message.role in _KEPT]
        await self.store.append(
            self.call.request.workspace_id,
            self.conversation_id,
            [*new, Remembered("assistant", _cut(answer))],
            once=self._once,
        )

    @property
    def _once(self) -> str:
        return f"{self.call.request.run_id}/{self.call.place}"


_KEPT: Final = frozenset({Role.USER, Role.ASSISTANT})


def memory_of(store: MemoryStore | None, call: Call, params: JsonObject) -> Memory | None:
    """The memory that a block's settings ask for, None when they ask for none. Raises BlockFailure."""
    kind = to_string(params.get("memoryType") or "none")
    if kind == "none":
        return None
    if store is None:
        raise BlockFailure(NO_STORE, can_retry=False)
    conversation_id = to_string(params.get("conversationId") or "").strip()
    if not 1 <= len(conversation_id) <= LONGEST_CONVERSATION_ID:
        raise BlockFailure(NO_ID, can_retry=False)
    window = _whole(params.get("slidingWindowSize"), DEFAULT_WINDOW) if kind == "sliding_window" else None
    tokens = _whole(params.get("slidingWindowTokens"), DEFAULT_TOKENS) if kind == "sliding_window_tokens" else None
    return Memory(store, call, conversation_id, window, tokens)


def _latest_question(said: Sequence[Message]) -> Sequence[Message]:
    """The instructions, and the last that the user says."""
    system = [message for message in said if message.role is Role.SYSTEM]
    return [*system, *[message for message in said if message.role is Role.USER][-1:]]


def _newest(messages: Sequence[Message], tokens: int) -> list[Message]:
    kept: list[Message] = []
    left = tokens * _CHARACTERS_PER_TOKEN
    for message in reversed(messages):
        left -= len(message.content or "")
        if left < 0:
            break
        kept.append(message)
    return kept[::-1]


def _cut(text: str) -> str:
    return text.encode()[:LONGEST_MESSAGE].decode("utf-8", "ignore")


def _whole(value: Json, default: int) -> int:
    number = number_of(value)
    return default if number is None or not 1 <= number < math.inf else int(number)
