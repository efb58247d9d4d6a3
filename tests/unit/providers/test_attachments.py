"""Each provider gets files in its own format, and unsupported files are refused by name."""

import asyncio
from typing import Any

import pytest

from executor_service.providers import Attachment, Message, ModelFailure, ModelRequest, Role
from executor_service.providers import anthropic_messages as anthropic
from executor_service.providers import google_gemini as gemini
from executor_service.providers.echo import EchoProvider
from executor_service.providers.openai_compatible import messages_of

PHOTO = Attachment("a.png", "image/png", b"png")
PAPER = Attachment("b.pdf", "application/pdf", b"pdf")
NOTES = Attachment("c.md", "text/markdown", b"# hi")
SOUND = Attachment("d.mp3", "audio/mpeg", b"mp3")
FILM = Attachment("e.mp4", "video/mp4", b"mp4")
THING = Attachment("f.bin", "application/octet-stream", b"\xff")
GARBLED = Attachment("g.txt", "text/plain", b"\xff")


def request_with(*files: Attachment, text: str | None = "Look") -> ModelRequest:
    return ModelRequest(model="m", messages=(Message(role=Role.USER, content=text, attachments=files),))


def test_chat_completions_take_parts() -> None:
    (message,) = messages_of(request_with(PHOTO, PAPER, NOTES, SOUND))
    assert message["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
        {"type": "file", "file": {"filename": "b.pdf", "file_data": "data:application/pdf;base64,cGRm"}},
        {"type": "text", "text": "c.md:\n# hi"},
        {"type": "input_audio", "input_audio": {"data": "bXAz", "format": "mp3"}},
    ]


def test_anthropic_takes_blocks_before_the_text() -> None:
    (message,) = anthropic._messages(request_with(PHOTO, PAPER, NOTES))
    assert message["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
        {
            "type": "document",
            "title": "b.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "cGRm"},
        },
        {"type": "text", "text": "c.md:\n# hi"},
        {"type": "text", "text": "Look"},
    ]


def test_gemini_receives_files_as_blobs() -> None:
    (content,) = gemini._contents(request_with(PHOTO, FILM, NOTES, text=None))
    parts = [(part.inline_data.mime_type if part.inline_data else part.text) for part in content.parts]
    assert parts == ["image/png", "video/mp4", "c.md:\n# hi"]


@pytest.mark.parametrize("file", [THING, GARBLED])
@pytest.mark.parametrize("shape", [messages_of, anthropic._messages, gemini._contents])
def test_unsupported_files_are_refused_by_name(shape: Any, file: Attachment) -> None:
    with pytest.raises(ModelFailure, match=f"^{file.name}: .* models do not accept files of type {file.type}$"):
        shape(request_with(file))


def test_the_demo_model_takes_no_files() -> None:
    with pytest.raises(ModelFailure, match=r"a\.png: the built-in demo models do not accept files"):
        asyncio.run(EchoProvider().turn(request_with(PHOTO), None))
