"""Answers of chat completions, whole or in pieces, from all servers with that API."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from executor_service.providers.limits import ANSWER_BYTES, CALL_BYTES, StoredSize, check_values
from executor_service.providers.model import Tokens, ToolCall, Turn

MAX_ERROR_BYTES: Final = 1000
NO_ANSWER: Final = "The model returned no answer"
NO_REASON: Final = "The model server reported an error without a message"
NOTHING: Final = ("", "")
_BROKEN: Final = "error"
"""Finish reason of an answer that its server could not complete."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    """Part that Mistral's reasoning models send instead of text: text, or thoughts that contain text."""

    text: str | None = None
    thinking: "list[_Part] | None" = None


class _Message(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None

    def texts(self) -> tuple[str, str]:
        """Return its text and its thoughts."""
        if isinstance(self.content, list):
            thoughts = (_words(part.thinking) for part in self.content if part.thinking)
            return _words(self.content), "".join(thoughts)
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
    """A complete answer, or a piece of one."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None


class StreamError(Exception):
    """The provider reported an error instead of its answer, or gave none."""


_decode: Final = msgspec.json.Decoder(Completion).decode
_decode_error: Final = msgspec.json.Decoder(_ErrorBody).decode


def read_completion(document: bytes) -> Completion:
    """Decode an answer, or a piece of one. Raises msgspec.DecodeError, AnswerTooLarge."""
    check_values(document)
    return _decode(document)


def whole_turn(body: bytes, answer_bytes: int = ANSWER_BYTES) -> Turn:
    """Return the turn of a complete answer. Raises msgspec.DecodeError, StreamError, AnswerTooLarge."""
    completion = read_completion(body)
    assembler = TurnAssembler(answer_bytes)
    assembler.take(completion)
    if not completion.choices:
        raise StreamError(NO_ANSWER)
    return assembler.turn()


def error_message_of(body: bytes) -> str:
    """Return the error message in a response body; empty without one."""
    with suppress(msgspec.DecodeError):
        body_error = _decode_error(body)
        if reason := _message_of(body_error.error) or body_error.message:
            return reason
    return body[:MAX_ERROR_BYTES].decode(errors="replace").strip()


class TurnAssembler:
    """Assembles a turn from its pieces."""

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
        """Add a piece; return its text and thoughts. Raises StreamError, AnswerTooLarge. Called for each token."""
        if completion.error is not None:
            raise StreamError(_message_of(completion.error) or NO_REASON)
        if completion.usage is not None:
            self._tokens = _tokens(completion.usage)
        if not completion.choices:
            return NOTHING
        choice = completion.choices[0]
        if choice.error is not None or choice.finish_reason == _BROKEN:
            raise StreamError(_message_of(choice.error) or NO_REASON)
        self._finish = choice.finish_reason or self._finish
        message = choice.delta or choice.message
        if message is None:
            return NOTHING
        words, thought = texts = message.texts()
        self._stored.add(len(words) + len(thought))
        if words:
            self._content.append(words)
        if thought:
            self._thinking.append(thought)
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
    """Assembles tool calls. Not every server numbers their pieces, and some give every call the same number.

    A piece with a name and an id new to its number starts another call. An id alone does not: some servers give each
    piece a new one.
    """

    def __init__(self, stored: StoredSize) -> None:
        self._stored = stored
        self._partial_calls: list[_PartialCall] = []
        self._open: dict[int, _PartialCall] = {}

    def take(self, pieces: Sequence[_Call], *, is_whole: bool) -> None:
        """Add the pieces of one message; each is a separate call if `is_whole`."""
        for position, piece in enumerate(pieces):
            number = position if is_whole or piece.index is None else piece.index
            added = piece.function or _Function()
            call = self._call_of(number, piece.id, added.name)
            call.id = piece.id or call.id
            call.name = added.name or call.name
            arguments = added.arguments or ""
            self._stored.add(len(arguments))
            call.arguments.append(arguments)

    def calls(self) -> tuple[ToolCall, ...]:
        """Return the calls, in order of their start."""
        return tuple(
            ToolCall(call.id or f"call_{position}", call.name, "".join(call.arguments) or "{}")
            for position, call in enumerate(self._partial_calls)
        )

    def _call_of(self, number: int, call_id: str | None, name: str | None) -> _PartialCall:
        found = self._open.get(number)
        if found is None or (name and call_id and found.id and call_id != found.id):
            self._stored.add(CALL_BYTES)
            found = self._open[number] = _PartialCall()
            self._partial_calls.append(found)
        return found


def _words(parts: list[_Part]) -> str:
    return "".join(part.text or "" for part in parts)


def _message_of(error: _Error | str | None) -> str | None:
    return error.message if isinstance(error, _Error) else error


def _tokens(usage: _Usage) -> Tokens:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Tokens.from_counts(usage.prompt_tokens, usage.completion_tokens, cached)
