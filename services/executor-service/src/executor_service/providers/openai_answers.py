"""Answers of chat completions: whole, or as a stream, from every server that says to speak that language."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from executor_service.providers.model import BROKEN_OFF, Listener, Tokens, ToolCall, Turn

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LINE_ENDS: Final = (b"\n", b"\r")
DATA: Final = b"data:"
DONE: Final = b"[DONE]"
READ_OUT_SECONDS: Final = 0.25
MAX_REFUSAL_BYTES: Final = 1000
EVENTS_IN_A_ROW: Final = 16
"""After the first, and then after so many, another run has its turn."""
HEAD_START_SECONDS: Final = 0.001
"""Broker and gateway need a processor to pass the first words on; reading what follows would take it from them."""
NO_ANSWER: Final = "The model gave no answer"
NO_REASON: Final = "The model's server reported an error, and did not say which"
_BROKEN: Final = "error"
"""The reason to end of an answer that its server could not complete."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    """What Mistral's models that reason send in place of text: words, or thoughts with words in them."""

    text: str | None = None
    thinking: "list[_Part] | None" = None


class _Said(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None

    @property
    def words(self) -> str:
        if isinstance(self.content, list):
            return _words(self.content)
        return self.content or ""

    @property
    def thought(self) -> str:
        if isinstance(self.content, list):
            return "".join(_words(part.thinking) for part in self.content if part.thinking)
        return self.reasoning_content or self.reasoning or ""


class _Error(msgspec.Struct):
    message: str | None = None


class _Choice(msgspec.Struct):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None
    error: _Error | str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: _Error | str | None = None


class _Refusal(msgspec.Struct):
    error: _Error | str | None = None
    message: str | None = None


class StreamError(Exception):
    """The provider reported an error instead of its answer, or gave none."""


_decoder: Final = msgspec.json.Decoder(_Completion)
_refusal_decoder: Final = msgspec.json.Decoder(_Refusal)


def whole_turn(body: bytes) -> Turn:
    """A complete answer. Raises msgspec.DecodeError, StreamError."""
    completion = _decoder.decode(body)
    gathering = _Gathering()
    gathering.take(completion)
    if not completion.choices:
        raise StreamError(NO_ANSWER)
    return gathering.turn()


def refusal_of(body: bytes) -> str:
    """What a server says to why it refuses, in its own words; empty where it says nothing."""
    with suppress(msgspec.DecodeError):
        refused = _refusal_decoder.decode(body)
        if told := _told(refused.error) or refused.message:
            return told
    return body[:MAX_REFUSAL_BYTES].decode(errors="replace").strip()


async def streamed_turn(chunks: AsyncIterator[bytes], listener: Listener) -> Turn:
    """A streamed answer, told to the listener as it comes. Raises msgspec.DecodeError, StreamError.

    Words that came together are told together. Not every server says `[DONE]`, and not every one a reason to end; one
    that says neither broke off. Some do not stream, and answer with a whole completion all the same.
    """
    begin = await _beginning(chunks)
    if begin.lstrip().startswith(b"{"):
        return await _told_whole(begin + b"".join([chunk async for chunk in chunks]), listener)
    gathering, telling = _Gathering(), _Telling(listener)
    batches = _batches(begin, chunks)
    async for batch in batches:
        try:
            for data in batch:
                if data == DONE:
                    await telling.flush()
                    await _read_out(batches)
                    return gathering.turn()
                if said := gathering.take(_decoder.decode(data)):
                    if thought := said.thought:
                        await telling.thinking(thought)
                    telling.text(said.words)
        finally:
            await telling.flush()
    if not gathering.has_ended:
        raise StreamError(BROKEN_OFF)
    return gathering.turn()


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """What has come first, without the mark that a text in UTF-8 may begin with."""
    begin = b""
    async for chunk in chunks:
        begin += chunk
        if not BYTE_ORDER_MARK.startswith(begin):
            break
    return begin.removeprefix(BYTE_ORDER_MARK)


async def _told_whole(body: bytes, listener: Listener) -> Turn:
    turn = whole_turn(body)
    if turn.thinking:
        await listener.thinking(turn.thinking)
    if turn.content:
        await listener.text(turn.content)
    return turn


async def _read_out(batches: AsyncIterator[object]) -> None:
    """Read what follows the last word, for a moment: a connection whose answer was read to its end is used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for _ in batches:
                pass


async def _batches(chunk: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The data of the events. What has arrived at once is not taken at once: other runs' first words go between."""
    rest, most = b"", 1
    while chunk:
        lines = (rest + chunk).splitlines()
        rest = b"" if chunk.endswith(LINE_ENDS) else lines.pop()
        batch = []
        for line in lines:
            if data := _data(line):
                batch.append(data)
                if len(batch) == most:
                    yield batch
                    await asyncio.sleep(0)
                    batch, most = [], EVENTS_IN_A_ROW
        if batch:
            yield batch
        chunk = await anext(chunks, b"")
    if data := _data(rest):
        yield [data]


def _data(line: bytes) -> bytes:
    return line[len(DATA) :].strip() if line.startswith(DATA) else b""


class _Telling:
    """Tells words that follow each other as one piece."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._words: list[str] = []
        self._has_told = False

    def text(self, word: str) -> None:
        if word:
            self._words.append(word)

    async def thinking(self, thought: str) -> None:
        await self.flush()
        await self._listener.thinking(thought)

    async def flush(self) -> None:
        if self._words:
            words, self._words = self._words, []
            await self._listener.text("".join(words))
            if not self._has_told:
                self._has_told = True
                await asyncio.sleep(HEAD_START_SECONDS)


class _Gathering:
    """Puts the pieces of a turn together."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._thinking: list[str] = []
        self._calls = _Calls()
        self._finish: str | None = None
        self._tokens = Tokens()

    @property
    def has_ended(self) -> bool:
        """Whether a reason to end was given."""
        return self._finish is not None

    def take(self, completion: _Completion) -> _Said | None:
        """What was said in it, None for nothing. Raises StreamError."""
        if completion.error is not None:
            raise StreamError(_told(completion.error) or NO_REASON)
        if completion.usage is not None:
            self._tokens = _tokens(completion.usage)
        if not completion.choices:
            return None
        choice = completion.choices[0]
        if choice.error is not None or choice.finish_reason == _BROKEN:
            raise StreamError(_told(choice.error) or NO_REASON)
        self._finish = choice.finish_reason or self._finish
        said = choice.delta or choice.message
        if said is not None:
            self._content.append(said.words)
            self._thinking.append(said.thought)
            self._calls.take(said.tool_calls or (), is_whole=choice.delta is None)
        return said

    def turn(self) -> Turn:
        return Turn(
            content="".join(self._content),
            thinking="".join(self._thinking),
            tool_calls=self._calls.made(),
            finish_reason=self._finish or "stop",
            tokens=self._tokens,
        )


class _Calls:
    """Puts tool calls together. Not every server numbers their pieces, and some give every call the same number.

    A piece with a name and an id that its number has not had begins another call. An id alone does not: there are
    servers that give each piece a new one.
    """

    def __init__(self) -> None:
        self._made: list[tuple[_Call, _Function]] = []
        self._open: dict[int, tuple[_Call, _Function]] = {}

    def take(self, pieces: Sequence[_Call], *, is_whole: bool) -> None:
        """The pieces of one message: each is a call of its own where it `is_whole`."""
        for position, piece in enumerate(pieces):
            number = position if is_whole or piece.index is None else piece.index
            call, function = self._call_of(number, piece)
            added = piece.function or _Function()
            call.id = piece.id or call.id
            function.name = added.name or function.name
            function.arguments = (function.arguments or "") + (added.arguments or "")

    def made(self) -> tuple[ToolCall, ...]:
        """The calls, in the order in which they began."""
        return tuple(
            ToolCall(call.id or f"call_{position}", function.name or "", function.arguments or "{}")
            for position, (call, function) in enumerate(self._made)
        )

    def _call_of(self, number: int, piece: _Call) -> tuple[_Call, _Function]:
        found = self._open.get(number)
        if found is None or _begins_another(piece, found[0]):
            found = self._open[number] = (_Call(), _Function())
            self._made.append(found)
        return found


def _begins_another(piece: _Call, call: _Call) -> bool:
    is_named = piece.function is not None and bool(piece.function.name)
    return is_named and bool(piece.id) and bool(call.id) and piece.id != call.id


def _words(parts: list[_Part]) -> str:
    return "".join(part.text or "" for part in parts)


def _told(error: _Error | str | None) -> str | None:
    return error.message if isinstance(error, _Error) else error


def _tokens(usage: _Usage) -> Tokens:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Tokens.told(usage.prompt_tokens, usage.completion_tokens, cached)
