"""Streamed answers of chat completions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from executor_service.providers.events import event_batches
from executor_service.providers.limits import ANSWER_BYTES
from executor_service.providers.model import BROKEN_OFF, Listener, Turn
from executor_service.providers.openai_answers import Gathering, StreamError, read_completion, whole_turn

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
DONE: Final = b"[DONE]"
READ_OUT_SECONDS: Final = 0.25
HEAD_START_SECONDS: Final = 0.001
"""Broker and gateway need a processor to pass on the first tokens; further reading would take it from them."""


async def streamed_turn(chunks: AsyncIterator[bytes], listener: Listener, answer_bytes: int = ANSWER_BYTES) -> Turn:
    """Stream an answer to the listener. Raises msgspec.DecodeError, StreamError, AnswerTooLarge.

    Text that arrives together is sent together. Not every server sends `[DONE]`, and not every one a finish reason;
    without either, the answer broke off. Some do not stream, and send a complete answer instead.
    """
    begin = await _beginning(chunks)
    if begin.lstrip().startswith(b"{"):
        body = begin + b"".join([chunk async for chunk in chunks])
        return await _told_whole(whole_turn(body, answer_bytes), listener)
    gathering, telling = Gathering(answer_bytes), _Telling(listener)
    batches = event_batches(begin, chunks)
    async for batch in batches:
        try:
            for data in batch:
                if data == DONE:
                    await telling.flush()
                    await _read_out(batches)
                    return gathering.turn()
                words, thought = gathering.take(read_completion(data))
                if thought:
                    await telling.thinking(thought)
                if words:
                    telling.words.append(words)
        finally:
            await telling.flush()
    if not gathering.has_ended:
        raise StreamError(BROKEN_OFF)
    return gathering.turn()


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the first bytes, without a UTF-8 byte order mark."""
    begin = b""
    async for chunk in chunks:
        begin += chunk
        if not BYTE_ORDER_MARK.startswith(begin):
            break
    return begin.removeprefix(BYTE_ORDER_MARK)


async def _told_whole(turn: Turn, listener: Listener) -> Turn:
    if turn.thinking:
        await listener.thinking(turn.thinking)
    if turn.content:
        await listener.text(turn.content)
    return turn


async def _read_out(batches: AsyncIterator[object]) -> None:
    """Briefly read what follows the last token: a connection is reused only if its response was read to the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for _ in batches:
                pass


class _Telling:
    """Sends consecutive text as one piece."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.words: list[str] = []
        self._has_told = False

    async def thinking(self, thought: str) -> None:
        await self.flush()
        await self._listener.thinking(thought)

    async def flush(self) -> None:
        if self.words:
            words, self.words = self.words, []
            await self._listener.text("".join(words))
            if not self._has_told:
                self._has_told = True
                await asyncio.sleep(HEAD_START_SECONDS)
