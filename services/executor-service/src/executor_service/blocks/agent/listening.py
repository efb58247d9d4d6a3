"""A turn's text on its way to the caller: at once where it can be taken back or is the answer, else held a while."""

from typing import Final

from executor_service.engine.streaming import TextWriter

HELD_CHARACTERS: Final = 256
"""Text before a tool call is short as a rule. Longer text is taken to be the answer, and held no more."""


class TurnListener:
    """Hears one turn. Text that `holds` is kept back until the turn ends, or is too long to be said before a tool."""

    def __init__(self, writer: TextWriter, *, holds: bool, tells_thinking: bool) -> None:
        self._writer = writer
        self._holds = holds
        self._tells_thinking = tells_thinking
        self._held: list[str] = []
        self._held_characters = 0

    async def text(self, piece: str) -> None:
        """More of the answer, or of what comes before a tool call."""
        if not self._holds:
            await self._writer.write(piece)
            return
        self._held.append(piece)
        self._held_characters += len(piece)
        if self._held_characters > HELD_CHARACTERS:
            await self._let_go()

    async def thinking(self, piece: str) -> None:
        """More of the reasoning; only told to callers who asked for it."""
        if self._tells_thinking:
            await self._writer.think(piece)

    async def end(self, *, called_tools: bool) -> None:
        """The turn is over: its text was the answer, or is to be taken back."""
        if not called_tools:
            await self._let_go()
        elif not self._holds:
            await self._writer.reset()

    async def _let_go(self) -> None:
        self._holds = False
        held, self._held = self._held, []
        for piece in held:
            await self._writer.write(piece)
