"""Bodies are bounded, whatever their headers declare."""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.errors import PayloadTooLarge
from shared.web.internal_errors import render_internal_error
from shared.web.middleware import BodyLimitMiddleware


async def _size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _unread(request: Request) -> Response:
    return PlainTextResponse("not read")


APP = Starlette(
    routes=[Route(path, _size, methods=["POST"]) for path in ("/json", "/blobs/1")]
    + [Route("/unread", _unread, methods=["POST"])],
    exception_handlers={PayloadTooLarge: render_internal_error},
)


async def _post(path: str, body: bytes, *, headers: dict[str, str] | None = None) -> httpx2.Response:
    transport = httpx2.ASGITransport(BodyLimitMiddleware(APP, 10, ("/blobs/",)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, content=body, headers=headers)


@pytest.mark.parametrize(("body", "status"), [(b"", 200), (b"x" * 10, 200), (b"x" * 11, 413)])
async def test_a_body_over_the_limit_is_refused(body: bytes, status: int) -> None:
    assert (await _post("/json", body)).status_code == status


async def test_a_refusal_has_the_limit() -> None:
    assert "maximum size of 10 bytes" in (await _post("/json", b"x" * 11)).text


async def test_an_announced_length_is_enough_to_refuse() -> None:
    assert (await _post("/json", b"x", headers={"content-length": "11"})).status_code == 413


async def test_a_length_that_lies_does_not_help() -> None:
    assert (await _post("/json", b"x" * 11, headers={"content-length": "1"})).status_code == 413


async def test_nothing_is_refused_before_the_body_is_read() -> None:
    assert (await _post("/unread", b"x" * 100)).text == "not read"


async def test_paths_that_bound_their_own_bodies_are_left_alone() -> None:
    assert (await _post("/blobs/1", b"x" * 100)).text == "100"
