"""Streamed answers of chat completions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from executor_service.providers.events import event_batches
from executor_service.providers.limits import ANSWER_BYTES
from executor_service.providers.model import CONNECTION_CLOSED, Listener, Turn
from executor_service.providers.openai_answers import StreamError, TurnAssembler, read_completion, whole_turn

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
DONE: Final = b"[DONE]"
DRAIN_SECONDS: Final = 0.25
HEAD_START_SECONDS: Final = 0.001
"""Reading pauses this long, so that broker and gateway can forward the first tokens."""


async def streamed_turn(chunks: AsyncIterator[bytes], listener: Listener, answer_bytes: int = ANSWER_BYTES) -> Turn:
    """Stream an answer to the listener. Raises msgspec.DecodeError, StreamError, AnswerTooLarge.

    Text that arrives together is sent together. Not every server sends `[DONE]`, and not every one a finish reason;
    without either, the answer is incomplete. Some servers send a complete answer instead of a stream.
    """
    begin = await _beginning(chunks)
    if begin.lstrip().startswith(b"{"):
        body = begin + b"".join([chunk async for chunk in chunks])
        return await _send_whole(whole_turn(body, answer_bytes), listener)
    assembler, buffer = TurnAssembler(answer_bytes), _TextBuffer(listener)
    batches = event_batches(begin, chunks)
    async for batch in batches:
        try:
            for data in batch:
                if data == DONE:
                    await buffer.flush()
                    await _drain(batches)
                    return assembler.turn()
                words, thought = assembler.take(read_completion(data))
                if thought:
                    await buffer.thinking(thought)
                if words:
                    buffer.words.append(words)
        finally:
            await buffer.flush()
    if not assembler.has_ended:
        raise StreamError(CONNECTION_CLOSED)
    return assembler.turn()


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the first bytes, without a UTF-8 byte order mark."""
    begin = b""
    async for chunk in chunks:
        begin += chunk
        if not BYTE_ORDER_MARK.startswith(begin):
            break
    return begin.removeprefix(BYTE_ORDER_MARK)


async def _send_whole(turn: Turn, listener: Listener) -> Turn:
    if turn.thinking:
        await listener.thinking(turn.thinking)
    if turn.content:
        await listener.text(turn.content)
    return turn


async def _drain(batches: AsyncIterator[object]) -> None:
    """Briefly read what follows the last token: a connection is reused only if its response was read to the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in batches:
                pass


class _TextBuffer:
    """Sends consecutive text as one chunk."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.words: list[str] = []
        self._has_sent = False

    async def thinking(self, thought: str) -> None:
        await self.flush()
        await self._listener.thinking(thought)

    async def flush(self) -> None:
        if self.words:
            words, self.words = self.words, []
            await self._listener.text("".join(words))
            if not self._has_sent:
                self._has_sent = True
                await asyncio.sleep(HEAD_START_SECONDS)
