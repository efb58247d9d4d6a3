"""Run streams, and their resumption."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest

from flowport.client import api_client
from flowport.client.api_client import ApiClient
from flowport.client.errors import NotFound, WaitTimedOut
from flowport.client.profiles import Profile
from flowport.client.streams import stream_run

FINAL = {"event": "final", "data": {"success": True, "output": {}}}


class Body(httpx2.SyncByteStream):
    """A response body in pieces that ends with a disconnect unless it is `whole`."""

    def __init__(self, *pieces: bytes, whole: bool = False) -> None:
        self._pieces = pieces
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if not self._whole:
            raise httpx2.RemoteProtocolError("disconnected")


class Server(httpx2.BaseTransport):
    """A server with scripted responses. Afterwards it is unavailable."""

    def __init__(self, *responses: httpx2.Response | Body) -> None:
        self._responses = list(responses)
        self.calls: list[tuple[str, str | None]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.calls.append((f"{request.method} {request.url.path}", request.headers.get("last-event-id")))
        if not self._responses:
            raise httpx2.ConnectError("refused")
        response = self._responses.pop(0)
        return (
            httpx2.Response(200, headers={"x-run-id": "R"}, stream=response) if isinstance(response, Body) else response
        )


def frame(data: Any, number: int | None = None) -> bytes:
    name = b"" if number is None else b"id: 1-%d\n" % number
    return b"%bdata: %b\n\n" % (name, msgspec.json.encode(data))


def read(server: Server) -> list[Any]:
    with (
        ApiClient(Profile("https://flow.example", "key"), transport=server) as client,
        stream_run(client, "W", {"input": {}}, {}) as run,
    ):
        return list(run)


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "FIRST_DELAY", 0.001)


def test_unicode_line_separators_do_not_split_frames() -> None:
    text = "a\u2028b\u0085c\x0bd\u2029"
    sent = frame({"chunk": text}, 0) + frame(FINAL) + frame("[DONE]")
    pieces = [sent[at : at + 1] for at in range(len(sent))]
    assert read(Server(Body(*pieces, whole=True))) == [{"chunk": text}, FINAL]


def test_a_disconnected_stream_resumes_after_the_last_event() -> None:
    server = Server(
        Body(frame({"chunk": "a"}, 0), frame({"chunk": "b"}, 3)[:-9]),
        httpx2.Response(503, json={}),
        Body(frame({"chunk": "b"}, 3)),
        Body(frame(FINAL), frame("[DONE]"), whole=True),
    )
    assert read(server) == [{"chunk": "a"}, {"chunk": "b"}, FINAL]
    events = "GET /api/v2/workflows/W/runs/R/events"
    assert server.calls[1:] == [(events, "1-0"), (events, "1-0"), (events, "1-3")]


def test_a_disconnect_after_the_last_frame_is_ignored() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0), frame(FINAL)))
    assert read(server) == [{"chunk": "a"}, FINAL]
    assert len(server.calls) == 1


def test_a_response_that_ends_before_the_run_is_resumed() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0), whole=True), Body(frame(FINAL), whole=True))
    assert read(server) == [{"chunk": "a"}, FINAL]


def test_a_stream_without_response_times_out_and_names_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "UNAVAILABLE_SECONDS", 0.05)
    with pytest.raises(WaitTimedOut, match="no response about run R") as lost:
        read(Server(Body(frame({"chunk": "a"}, 0))))
    assert lost.value.exit_code == 6


def test_a_rejected_resumption_is_not_retried() -> None:
    server = Server(Body(frame({"chunk": "a"}, 0)), httpx2.Response(404, json={"error": {"message": "Run not found"}}))
    with pytest.raises(NotFound):
        read(server)
    assert len(server.calls) == 2
