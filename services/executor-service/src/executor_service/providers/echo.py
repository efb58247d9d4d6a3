"""The built-in demo model: no key, no network, deterministic answers."""

import asyncio
from typing import Final

from executor_service.providers.model import Listener, ModelRequest, Role, Tokens, Turn, unsupported_file

MODEL: Final = "echo"
LONGEST_SECONDS: Final = 20.0
PREFIX: Final = "This is the built-in demo model. You said: "


class EchoProvider:
    """Repeats the last user message, word by word."""

    def __init__(self, words_per_second: float = 0) -> None:
        """Stream at this pace, so that a person sees the stream; 0 streams without delay."""
        self._words_per_second = words_per_second

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Answer as a whole, or word by word to a listener."""
        for message in request.messages:
            for attachment in message.attachments:
                raise unsupported_file(attachment, "the built-in demo")
        question = next((m.content for m in reversed(request.messages) if m.role is Role.USER), None) or "nothing"
        words = (PREFIX + question).split(" ")
        chunks = [word + " " for word in words[:-1]] + words[-1:]
        if listener is not None:
            delay = self._delay(len(chunks))
            for chunk in chunks:
                await listener.text(chunk)
                await asyncio.sleep(delay)
        input_words = sum(len((message.content or "").split()) for message in request.messages)
        return Turn(content="".join(chunks), tokens=Tokens(input_words, len(chunks)))

    def _delay(self, words: int) -> float:
        """Return the seconds between two words. A long answer streams faster, within LONGEST_SECONDS."""
        return min(1 / self._words_per_second, LONGEST_SECONDS / words) if self._words_per_second else 0.0

    async def stop(self) -> None:
        """Do nothing."""
