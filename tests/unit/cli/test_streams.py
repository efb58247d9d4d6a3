"""A stream that the command line reads, and reads on."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest

from flowport.client import patience
from flowport.client.door import Door
from flowport.client.errors import Missing, TookTooLong
from flowport.client.profiles import Profile
from flowport.client.streams import streamed

FINAL = {"event": "final", "data": {"success": True, "output": {}}}


class Body(httpx2.SyncByteStream):
    """An answer's body in pieces, with a line that breaks behind them unless it is `whole`."""

    def __init__(self, *pieces: bytes, whole: bool = False) -> None:
        self._pieces = pieces
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if not self._whole:
            raise httpx2.RemoteProtocolError("the line broke")


class Server(httpx2.BaseTransport):
    """Answers with what it was given, one after the other; then it is away."""

    def __init__(self, *answers: httpx2.Response | Body) -> None:
        self._answers = list(answers)
        self.calls: list[tuple[str, str | None]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.calls.append((f"{request.method} {request.url.path}", request.headers.get("last-event-id")))
        if not self._answers:
            raise httpx2.ConnectError("refused")
        answer = self._answers.pop(0)
        return httpx2.Response(200, headers={"x-run-id": "R"}, stream=answer) if isinstance(answer, Body) else answer


def frame(data: Any, number: int | None = None) -> bytes:
    name = b"" if number is None else b"id: 1-%d\n" % number
    return b"%bdata: %b\n\n" % (name, msgspec.json.encode(data))


def read(server: Server) -> list[Any]:
    with (
        Door(Profile("https://flow.example", "key"), transport=server) as door,
        streamed(door, "W", {"input": {}}, {}) as run,
    ):
        return list(run)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)


def test_a_text_may_have_every_letter_in_it() -> None:
    text = "a\u2028b\u0085c\x0bd\u2029"
    sent = frame({"chunk": text}, 0) + frame(FINAL) + frame("[DONE]")
    pieces = [sent[at : at + 1] for at in range(len(sent))]
    assert read(Server(Body(*pieces, whole=True))) == [{"chunk": text}, FINAL]


def test_a_stream_whose_line_breaks_is_read_on_from_there() -> None:
    server = Server(
        Body(frame({"chunk": "a"}, 0), frame({"chunk": "b"}, 3)[:-9]),
        httpx2.Response(503, json={}),
        Body(frame({"chunk": "b"}, 3)),
        Body(frame(FINAL), frame("[DONE]"), whole=True),
    )
    assert read(server) == [{"chunk": "a"}, {"chunk": "b"}, FINAL]
    events = "GET /api/v2/workflows/W/runs/R/events"
    assert server.calls[1:] == [(events, "1-0"), (events, "1-0"), (events, "1-3")]


def test_a_line_that_breaks_behind_the_end_is_no_trouble() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0), frame(FINAL)))
    assert read(server) == [{"chunk": "a"}, FINAL]
    assert len(server.calls) == 1


def test_an_answer_that_ends_before_the_run_is_read_on() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0), whole=True), Body(frame(FINAL), whole=True))
    assert read(server) == [{"chunk": "a"}, FINAL]


def test_a_run_that_is_not_heard_of_for_long_is_named_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.05)
    with pytest.raises(TookTooLong, match="the run R is not heard of") as lost:
        read(Server(Body(frame({"chunk": "a"}, 0))))
    assert lost.value.exit_code == 6


def test_a_run_that_may_not_be_read_on_is_not_asked_for_again() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0)), httpx2.Response(404, json={"error": {"message": "Run not found"}}))
    with pytest.raises(Missing):
        read(server)
    assert len(server.calls) == 2
