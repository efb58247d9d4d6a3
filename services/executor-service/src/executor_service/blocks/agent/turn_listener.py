"""Streams the text of a turn: immediately if it can be retracted or is the answer, otherwise after a delay."""

from typing import Final

from executor_service.engine.stream import TextWriter

MAX_BUFFERED_CHARACTERS: Final = 256
"""Text before a tool call is usually short. Longer text is treated as the answer and not buffered."""


class TurnListener:
    """Listener of one turn. With `buffers`, text waits until the turn ends or the text is too long for a preamble."""

    def __init__(self, writer: TextWriter, *, buffers: bool, sends_thinking: bool) -> None:
        self._writer = writer
        self._buffers = buffers
        self._tells_thinking = sends_thinking
        self._buffered: list[str] = []
        self._buffered_characters = 0

    async def text(self, chunk: str) -> None:
        """Add text of the answer, or text before a tool call."""
        if not self._buffers:
            await self._writer.write(chunk)
            return
        self._buffered.append(chunk)
        self._buffered_characters += len(chunk)
        if self._buffered_characters > MAX_BUFFERED_CHARACTERS:
            await self._let_go()

    async def thinking(self, chunk: str) -> None:
        """Add reasoning; sent only to callers who requested it."""
        if self._tells_thinking:
            await self._writer.write_thinking(chunk)

    async def end(self, *, called_tools: bool) -> None:
        """End the turn. Text before tool calls is retracted."""
        if not called_tools:
            await self._let_go()
        elif not self._buffers:
            await self._writer.reset()

    async def _let_go(self) -> None:
        self._buffers = False
        buffered, self._buffered = self._buffered, []
        for chunk in buffered:
            await self._writer.write(chunk)
