"""The demo model streams at a pace that a person can follow."""

import asyncio
from collections.abc import Iterator

import pytest

from executor_service.providers.echo import LONGEST_SECONDS, EchoProvider
from executor_service.providers.model import Message, ModelRequest, Role


class RecordingListener:
    """Collects the chunks of a stream."""

    def __init__(self) -> None:
        self.chunks: list[str] = []

    async def text(self, chunk: str) -> None:
        self.chunks.append(chunk)

    async def thinking(self, chunk: str) -> None:
        raise AssertionError(chunk)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Return the requested pauses; none takes time."""
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr("executor_service.providers.echo.asyncio.sleep", sleep)
    yield pauses


def request(text: str) -> ModelRequest:
    return ModelRequest(model="echo", messages=(Message(role=Role.USER, content=text),))


async def test_each_word_is_delayed(slept: list[float]) -> None:
    listener = RecordingListener()
    turn = await EchoProvider(10).turn(request("one two"), listener)
    assert "".join(listener.chunks) == turn.content
    assert slept == [0.1] * len(listener.chunks)


async def test_a_long_answer_does_not_take_longer_than_a_limit(slept: list[float]) -> None:
    await EchoProvider(10).turn(request("word " * 1_000), RecordingListener())
    assert sum(slept) == pytest.approx(LONGEST_SECONDS)


async def test_an_answer_that_is_not_streamed_has_no_pauses(slept: list[float]) -> None:
    await EchoProvider(10).turn(request("one two"), None)
    await EchoProvider(0).turn(request("one two"), RecordingListener())
    assert sum(slept) == 0
