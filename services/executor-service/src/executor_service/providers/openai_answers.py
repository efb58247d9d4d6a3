"""Responses of chat completions, complete or streamed, from OpenAI and compatible servers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from executor_service.providers.http import CALL_BYTES, StoredSize
from executor_service.providers.model import ModelFailure, Tokens, ToolCall, Turn

NO_ANSWER: Final = "The model returned no answer"
NO_REASON: Final = "The model server reported an error without a message"
NOTHING: Final = ("", "")
_FAILED: Final = "error"
"""Finish reason of an answer that its server could not complete."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    """A tool call, or a chunk of one."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    """Content part of Mistral's reasoning models: text, or thoughts that contain text."""

    text: str | None = None
    thinking: "list[_Part] | None" = None


class _Message(msgspec.Struct):
    """A message, or a chunk of one."""

    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None

    def texts(self) -> tuple[str, str]:
        """Return the text and the thoughts of the message."""
        if isinstance(self.content, list):
            thoughts = (_joined_text(part.thinking) for part in self.content if part.thinking)
            return _joined_text(self.content), "".join(thoughts)
        return self.content or "", self.reasoning_content or self.reasoning or ""


class _Error(msgspec.Struct):
    message: str | None = None


class _Choice(msgspec.Struct):
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    error: _Error | str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class Completion(msgspec.Struct):
    """A complete answer, or a chunk of one."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None


class TurnAssembler:
    """Builder of a turn from the chunks of an answer."""

    def __init__(self, answer_bytes: int) -> None:
        self._stored = StoredSize(answer_bytes)
        self._content: list[str] = []
        self._thinking: list[str] = []
        self._calls = _Calls(self._stored)
        self._finish: str | None = None
        self._tokens = Tokens()

    @property
    def has_ended(self) -> bool:
        """Return whether a finish reason was received."""
        return self._finish is not None

    def take(self, completion: Completion) -> tuple[str, str]:
        """Add a chunk; return its text and thoughts. Raises ModelFailure. Called for each token."""
        if completion.error is not None:
            raise ModelFailure(_message_of(completion.error) or NO_REASON)
        if completion.usage is not None:
            self._tokens = _tokens(completion.usage)
        if not completion.choices:
            return NOTHING
        choice = completion.choices[0]
        if choice.error is not None or choice.finish_reason == _FAILED:
            raise ModelFailure(_message_of(choice.error) or NO_REASON)
        self._finish = choice.finish_reason or self._finish
        message = choice.delta or choice.message
        if message is None:
            return NOTHING
        text, thoughts = texts = message.texts()
        self._stored.add(len(text) + len(thoughts))
        if text:
            self._content.append(text)
        if thoughts:
            self._thinking.append(thoughts)
        if message.tool_calls:
            self._calls.take(message.tool_calls, is_whole=choice.delta is None)
        return texts

    def turn(self) -> Turn:
        """Return the turn so far."""
        return Turn(
            content="".join(self._content),
            thinking="".join(self._thinking),
            tool_calls=self._calls.calls(),
            finish_reason=self._finish or "stop",
            tokens=self._tokens,
        )


@dataclass
class _PartialCall:
    """A partial tool call."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class _Calls:
    """Builder of tool calls from their chunks. Some servers omit the index of the call, or give all calls the same one.

    A chunk starts another call if it has a name and an id that is new for its index. An id alone does not suffice: some
    servers send a new one with each chunk.
    """

    def __init__(self, stored: StoredSize) -> None:
        self._stored = stored
        self._partial_calls: list[_PartialCall] = []
        self._open: dict[int, _PartialCall] = {}

    def take(self, chunks: Sequence[_Call], *, is_whole: bool) -> None:
        """Add the chunks of one message; each is a separate call if `is_whole`."""
        for position, chunk in enumerate(chunks):
            index = position if is_whole or chunk.index is None else chunk.index
            added = chunk.function or _Function()
            call = self._call_of(index, chunk.id, added.name)
            call.id = chunk.id or call.id
            call.name = added.name or call.name
            arguments = added.arguments or ""
            self._stored.add(len(arguments))
            call.arguments.append(arguments)

    def calls(self) -> tuple[ToolCall, ...]:
        """Return the calls, in the order in which they started."""
        return tuple(
            ToolCall(call.id or f"call_{position}", call.name, "".join(call.arguments) or "{}")
            for position, call in enumerate(self._partial_calls)
        )

    def _call_of(self, index: int, call_id: str | None, name: str | None) -> _PartialCall:
        found = self._open.get(index)
        if found is None or (name and call_id and found.id and call_id != found.id):
            self._stored.add(CALL_BYTES)
            found = self._open[index] = _PartialCall()
            self._partial_calls.append(found)
        return found


def _joined_text(parts: list[_Part]) -> str:
    return "".join(part.text or "" for part in parts)


def _message_of(error: _Error | str | None) -> str | None:
    return error.message if isinstance(error, _Error) else error


def _tokens(usage: _Usage) -> Tokens:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Tokens.from_counts(usage.prompt_tokens, usage.completion_tokens, cached)
