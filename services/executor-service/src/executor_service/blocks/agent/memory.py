"""Messages of an agent to its model, and those that it remembers."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from executor_service.blocks.ports import MemoryStore
from executor_service.blocks.values import number_of, text_of
from executor_service.engine import BlockFailure, Call
from executor_service.providers import Message, Role
from shared.contracts.conversations import LONGEST_CONVERSATION_ID, LONGEST_MESSAGE, ConversationMessage
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, to_string

_ROLES = {str(role): role for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)}


def read_messages(value: Json) -> list[Message]:
    """Return the messages of a setting: a list of `{role, content}` or its JSON text; other entries are skipped."""
    return [
        Message(role=_ROLES[role], content=text_of(entry.get("content")))
        for entry in parse_list(value)
        if isinstance(entry, dict) and isinstance(role := entry.get("role"), str) and role in _ROLES
    ]


def in_order(prompt: Iterable[Message], remembered: Iterable[Message] = ()) -> tuple[Message, ...]:
    """Return system messages first, then remembered ones, then the rest."""
    messages = list(prompt)
    system = [message for message in messages if message.role is Role.SYSTEM]
    rest = [message for message in messages if message.role is not Role.SYSTEM]
    return (*system, *remembered, *rest)


NO_STORE: Final = "This server has no conversation store"
NO_ID: Final = f"A conversation ID of 1 to {LONGEST_CONVERSATION_ID} characters is required for memory"
DEFAULT_WINDOW: Final = 10
DEFAULT_TOKENS: Final = 4000
_CHARACTERS_PER_TOKEN: Final = 4
_REMEMBERED: Final = {"user": Role.USER, "assistant": Role.ASSISTANT}


@dataclass(frozen=True, slots=True)
class Memory:
    """Conversation of one call. Earlier messages follow the system messages."""

    store: MemoryStore
    call: Call
    conversation_id: str
    window: int | None
    """Maximum number of earlier messages; None for all that the tokens allow."""
    tokens: int | None

    async def load_messages(self, prompt: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
        """Return earlier messages within the window, and the new ones in `prompt`.

        A block's messages start a conversation; in an existing one, only its latest question is new. Messages stored by
        an earlier attempt of this call do not count as earlier, and empty ones are omitted, since models refuse them.
        """
        stored = await self.store.read(self.call.request.workspace_id, self.conversation_id)
        earlier = [message for message in stored if message.role in _REMEMBERED and message.once != self._once]
        earlier = [message for message in earlier if message.content.strip()]
        before = [Message(role=_REMEMBERED[message.role], content=message.content) for message in earlier]
        return self._within_window(before), _latest_question(prompt) if before else prompt

    def _within_window(self, messages: Sequence[Message]) -> Sequence[Message]:
        if self.window is not None:
            return messages[-self.window :]
        return messages if self.tokens is None else _newest(messages, self.tokens)

    async def store_messages(self, prompt: Iterable[Message], answer: str) -> None:
        """Store the new messages and the answer, once for all attempts of the run.

        Nothing is stored without an answer: models refuse every conversation that contains an empty message.
        """
        if not answer.strip():
            return
        new = [
            ConversationMessage(str(message.role), _truncate(message.content or ""))
            for message in prompt
            if message.role in _STORED_ROLES
        ]
        await self.store.append(
            self.call.request.workspace_id,
            self.conversation_id,
            [*new, ConversationMessage("assistant", _truncate(answer))],
            once=self._once,
        )

    @property
    def _once(self) -> str:
        return f"{self.call.request.run_id}/{self.call.execution_path}"


_STORED_ROLES: Final = frozenset({Role.USER, Role.ASSISTANT})


def open_memory(store: MemoryStore | None, call: Call, params: JsonObject) -> Memory | None:
    """Return the memory that a block's settings request, if any. Raises BlockFailure."""
    kind = to_string(params.get("memoryType") or "none")
    if kind == "none":
        return None
    if store is None:
        raise BlockFailure(NO_STORE, can_retry=False)
    conversation_id = to_string(params.get("conversationId") or "").strip()
    if not 1 <= len(conversation_id) <= LONGEST_CONVERSATION_ID:
        raise BlockFailure(NO_ID, can_retry=False)
    window = _positive_int(params.get("slidingWindowSize"), DEFAULT_WINDOW) if kind == "sliding_window" else None
    tokens = (
        _positive_int(params.get("slidingWindowTokens"), DEFAULT_TOKENS) if kind == "sliding_window_tokens" else None
    )
    return Memory(store, call, conversation_id, window, tokens)


def _latest_question(prompt: Sequence[Message]) -> Sequence[Message]:
    """Return the instructions, and the last user message."""
    system = [message for message in prompt if message.role is Role.SYSTEM]
    return [*system, *[message for message in prompt if message.role is Role.USER][-1:]]


def _newest(messages: Sequence[Message], tokens: int) -> list[Message]:
    earlier: list[Message] = []
    left = tokens * _CHARACTERS_PER_TOKEN
    for message in reversed(messages):
        left -= len(message.content or "")
        if left < 0:
            break
        earlier.append(message)
    return earlier[::-1]


def _truncate(text: str) -> str:
    return text.encode()[:LONGEST_MESSAGE].decode("utf-8", "ignore")


def _positive_int(value: Json, default: int) -> int:
    number = number_of(value)
    return default if number is None or not 1 <= number < math.inf else int(number)
