"""The built-in demo model: no key, no network, deterministic answers."""

import asyncio
from typing import Final

from executor_service.providers.model import Listener, ModelRequest, Role, Tokens, Turn, unsupported_file

MODEL: Final = "echo"
PREFIX: Final = "This is the built-in demo model. You said: "


class EchoProvider:
    """Repeats the last user message, word by word."""

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Answer word by word."""
        for message in request.messages:
            for attachment in message.attachments:
                raise unsupported_file(attachment, "the built-in demo")
        question = next((m.content for m in reversed(request.messages) if m.role is Role.USER), None) or "nothing"
        words = (PREFIX + question).split(" ")
        pieces = [word + " " for word in words[:-1]] + words[-1:]
        if listener is not None:
            for piece in pieces:
                await listener.text(piece)
                await asyncio.sleep(0)
        input_words = sum(len((message.content or "").split()) for message in request.messages)
        return Turn(content="".join(pieces), tokens=Tokens(input_words, len(pieces)))

    async def stop(self) -> None:
        """Do nothing."""
