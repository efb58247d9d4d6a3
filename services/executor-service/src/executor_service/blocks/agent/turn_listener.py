"""Streams a turn's text: at once if it can be taken back or is the answer, else after a delay."""

from typing import Final

from executor_service.engine.stream import TextWriter

HELD_CHARACTERS: Final = 256
"""Text before a tool call is usually short. Longer text is treated as the answer and no longer held."""


class TurnListener:
    """Listener of one turn. If `holds`, text waits until the turn ends or it is too long to precede a tool call."""

    def __init__(self, writer: TextWriter, *, holds: bool, tells_thinking: bool) -> None:
        self._writer = writer
        self._holds = holds
        self._tells_thinking = tells_thinking
        self._held: list[str] = []
        self._held_characters = 0

    async def text(self, piece: str) -> None:
        """Add text of the answer, or of what precedes a tool call."""
        if not self._holds:
            await self._writer.write(piece)
            return
        self._held.append(piece)
        self._held_characters += len(piece)
        if self._held_characters > HELD_CHARACTERS:
            await self._let_go()

    async def thinking(self, piece: str) -> None:
        """Add reasoning; sent only to callers who requested it."""
        if self._tells_thinking:
            await self._writer.think(piece)

    async def end(self, *, called_tools: bool) -> None:
        """End the turn: its text was the answer, or is taken back."""
        if not called_tools:
            await self._let_go()
        elif not self._holds:
            await self._writer.reset()

    async def _let_go(self) -> None:
        self._holds = False
        held, self._held = self._held, []
        for piece in held:
            await self._writer.write(piece)
