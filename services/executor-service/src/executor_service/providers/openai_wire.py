"""Chat completions on the wire: what is sent, and what comes back whole or as a stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import msgspec

from executor_service.providers.model import (
    BROKEN_OFF,
    Attachment,
    Listener,
    Message,
    ModelRequest,
    Role,
    Tokens,
    Tool,
    ToolCall,
    Turn,
    cannot_take,
)
from shared.workflow.jsvalues import Json, JsonObject

DATA: Final = b"data:"
DONE: Final = b"[DONE]"
READ_OUT_SECONDS: Final = 0.25
MAX_REFUSAL_BYTES: Final = 1000
EVENTS_IN_A_ROW: Final = 16
"""After the first, and then after so many, another run has its turn."""
HEAD_START_SECONDS: Final = 0.001
"""Broker and gateway need a processor to pass the first words on; reading what follows would take it from them."""
NO_ANSWER: Final = "The model gave no answer"
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SOUNDS: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Said(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Error(msgspec.Struct):
    message: str = ""


class _Completion(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | str | None = None


class _Refusal(msgspec.Struct):
    error: _Error | str | None = None
    message: str = ""


class StreamError(Exception):
    """The provider reported an error instead of its answer, or gave none."""


_decoder: Final = msgspec.json.Decoder(_Completion)
_refusal_decoder: Final = msgspec.json.Decoder(_Refusal)


def messages_of(request: ModelRequest) -> list[JsonObject]:
    """The conversation as chat completions take it."""
    return [_message(message) for message in request.messages]


def tools_of(request: ModelRequest) -> JsonObject:
    """`tools` and `tool_choice`, where there are any."""
    if not request.tools:
        return {}
    choice: JsonObject | str = "auto"
    if request.forced_tool is not None:
        choice = {"type": "function", "function": {"name": request.forced_tool}}
    return {"tools": [_tool(tool) for tool in request.tools], "tool_choice": choice}


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
        error = refused.error
        if told := error if isinstance(error, str) else error.message if error else refused.message:
            return told
    return body[:MAX_REFUSAL_BYTES].decode(errors="replace").strip()


async def streamed_turn(chunks: AsyncIterator[bytes], listener: Listener) -> Turn:
    """A streamed answer, told to the listener as it comes. Raises msgspec.DecodeError, StreamError.

    Words that came together are told together. Not every server says `[DONE]`, and not every one a reason to end; one
    that says neither broke off.
    """
    gathering, telling = _Gathering(), _Telling(listener)
    batches = _batches(chunks)
    async for batch in batches:
        try:
            for data in batch:
                if data == DONE:
                    await telling.flush()
                    await _read_out(batches)
                    return gathering.turn()
                for said in gathering.take(_decoder.decode(data)):
                    if thought := said.reasoning_content or said.reasoning:
                        await telling.thinking(thought)
                    if said.content:
                        telling.text(said.content)
        finally:
            await telling.flush()
    if not gathering.has_ended:
        raise StreamError(BROKEN_OFF)
    return gathering.turn()


async def _read_out(batches: AsyncIterator[object]) -> None:
    """Read what follows the last word, for a moment: a connection whose answer was read to its end is used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for _ in batches:
                pass


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The data of the events. What has arrived at once is not taken at once: other runs' first words go between."""
    rest, most = b"", 1
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
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
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None
        self._tokens = Tokens()

    @property
    def has_ended(self) -> bool:
        """Whether a reason to end was given."""
        return self._finish is not None

    def take(self, completion: _Completion) -> list[_Said]:
        if completion.error is not None:
            error = completion.error
            raise StreamError(error if isinstance(error, str) else error.message)
        if completion.usage is not None:
            self._tokens = _tokens(completion.usage)
        if not completion.choices:
            return []
        choice = completion.choices[0]
        self._finish = choice.finish_reason or self._finish
        said = choice.delta or choice.message
        return [] if said is None else [self._hear(said)]

    def _hear(self, said: _Said) -> _Said:
        if said.content:
            self._content.append(said.content)
        if thought := said.reasoning_content or said.reasoning:
            self._thinking.append(thought)
        for position, piece in enumerate(said.tool_calls or ()):
            index = piece.index or (position if piece.id else 0)
            call = self._calls.setdefault(index, _Call(index, None, _Function("", "")))
            call.id = piece.id or call.id
            call.function.name = piece.function.name or call.function.name
            call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")
        return said

    def turn(self) -> Turn:
        return Turn(
            content="".join(self._content),
            thinking="".join(self._thinking),
            tool_calls=tuple(
                ToolCall(call.id or f"call_{index}", call.function.name or "", call.function.arguments or "{}")
                for index, call in sorted(self._calls.items())
            ),
            finish_reason=self._finish or "stop",
            tokens=self._tokens,
        )


def _tokens(usage: _Usage) -> Tokens:
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Tokens.told(usage.prompt_tokens, usage.completion_tokens, cached)


def _message(message: Message) -> JsonObject:
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": str(message.role), "content": _parts(message) if message.attachments else message.content}
    calls: list[JsonObject] = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return {"role": str(message.role), "content": message.content, "tool_calls": list(calls)}


def _parts(message: Message) -> list[Json]:
    said: list[Json] = [{"type": "text", "text": message.content}] if message.content else []
    return said + [_part(attachment) for attachment in message.attachments]


def _part(file: Attachment) -> JsonObject:
    if file.type in _IMAGES:
        return {"type": "image_url", "image_url": {"url": file.data_url}}
    if file.type in _SOUNDS:
        return {"type": "input_audio", "input_audio": {"data": file.base64, "format": _SOUNDS[file.type]}}
    if file.type == "application/pdf":
        return {"type": "file", "file": {"filename": file.name, "file_data": file.data_url}}
    if file.text is None:
        raise cannot_take(file, "OpenAI-compatible")
    return {"type": "text", "text": file.text}


def _tool(tool: Tool) -> JsonObject:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }
