"""Successful calls: the request and the response."""

import asyncio
import gzip

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.raw_http import Received, answer, raw_server, saying
from tests.unit.net.conftest import Get

from shared.net import OutboundClient, OutboundFailed, OutboundLimits, OutboundRequest

OK = saying(answer())


async def test_an_answer_has_status_reason_headers_body_and_url(get: Get) -> None:
    headers = ("Content-Type: text/plain", "X-Name: ä", "x-name: b")
    async with raw_server(saying(answer("404 Not Here", b"gone", headers))) as server:
        response = await get(f"http://user:secret@localhost:{server.port}/a b?q=1#part")
    assert (response.status, response.reason, response.body) == (404, "Not Here", b"gone")
    assert response.headers == {"content-type": "text/plain", "x-name": "ä, b", "content-length": "4"}
    assert response.url == f"http://localhost:{server.port}/a%20b?q=1"


async def test_the_request_is_sent_as_the_author_wrote_it(client: OutboundClient) -> None:
    async with raw_server(OK) as server:
        headers = {"Content-Type": "text/plain", "X-Key": " s3cret ", "Accept": "a/b"}
        await client.send(OutboundRequest("post", f"{server.url}/x?q=ü", headers, "ü".encode()))
    request = server.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/x?q=%C3%BC", "ü".encode())
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "gzip, deflate",
        "user-agent": "Flowport/1.0",
        "accept": "a/b",
        "content-type": "text/plain",
        "x-key": "s3cret",
        "content-length": "2",
    }


async def test_headers_of_the_connection_are_not_the_authors_business(get: Get) -> None:
    theirs = {
        "Host": "inner.example",
        "Content-Length": "3",
        "Transfer-Encoding": "chunked",
        "Connection": "close, x-key",
        "Expect": "100-continue",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABkAAQAAP__",
        "Keep-Alive": "timeout=99",
        "TE": "trailers",
        "Trailer": "X-A",
        "Accept-Encoding": "br",
        "Proxy-Authorization": "x",
        "Proxy-Connection": "close",
    }
    async with raw_server(OK) as server:
        await get(server.url, headers=theirs)
    sent = server.requests[0].headers
    assert sent["host"] == f"127.0.0.1:{server.port}"
    assert sent["accept-encoding"] == "gzip, deflate"
    assert sent.keys() == {"host", "accept-encoding", "user-agent", "accept"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nhost: b"},
        {"x": "a\nb"},
        {"x": "a\0b"},
        {"x": "a\x01b"},
        {"x": "a\x7fb"},
        {"": "x"},
        {"a b": "x"},
        {"x:": "y"},
        {"ü": "x"},
    ],
)
async def test_headers_that_would_break_the_request_are_refused(get: Get, headers: dict[str, str]) -> None:
    async with raw_server(OK) as server:
        with pytest.raises(OutboundFailed, match="header cannot be sent"):
            await get(server.url, headers=headers)
    assert server.requests == []


@pytest.mark.parametrize("method", ["CONNECT", "trace", "TRACK", "GET / HTTP/1.1\r\n", "", "G ET", "GÉT"])
async def test_methods_that_are_not_for_callers_are_refused(client: OutboundClient, method: str) -> None:
    with pytest.raises(OutboundFailed, match="method is not allowed"):
        await client.send(OutboundRequest(method, "https://example.com/"))


async def test_methods_may_be_anything_else(client: OutboundClient) -> None:
    async with raw_server(OK) as server:
        for method in ("DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            await client.send(OutboundRequest(method, server.url))
    assert [request.method for request in server.requests] == ["DELETE", "PATCH", "OPTIONS", "PROPFIND"]


async def test_credentials_of_the_url_are_sent_unless_a_header_overrides_them(get: Get) -> None:
    async with raw_server(OK) as server:
        url = f"http://user:pass@127.0.0.1:{server.port}/"
        await get(url)
        await get(url, headers={"Authorization": "Bearer x"})
    assert [request.headers["authorization"] for request in server.requests] == ["Basic dXNlcjpwYXNz", "Bearer x"]


async def test_compressed_and_chunked_answers_are_read(get: Get) -> None:
    body = gzip.compress(b"hello")
    chunks = b"".join(b"1\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body))) + b"0\r\n\r\n"
    headers = ("Content-Encoding: gzip", "Transfer-Encoding: chunked")
    async with raw_server(saying(answer(headers=headers, has_length=False), chunks)) as server:
        assert (await get(server.url)).body == b"hello"


async def test_an_answer_may_end_with_the_connection(get: Get) -> None:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(has_length=False) + b"all of it")
        await writer.drain()
        writer.close()

    async with raw_server(speak) as server:
        assert (await get(server.url)).body == b"all of it"


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not")])
async def test_answers_without_a_body_are_read(client: OutboundClient, method: str, status: str) -> None:
    headers = ("Content-Length: 5000", "Content-Encoding: gzip") if method == "HEAD" else ()
    async with raw_server(saying(answer(status, headers=headers, has_length=False))) as server:
        response = await client.send(OutboundRequest(method, server.url, timeout_seconds=PATIENCE_SECONDS))
        assert response.body == b""
        await client.send(OutboundRequest(method, server.url, timeout_seconds=PATIENCE_SECONDS))
    assert server.connections == 1


async def test_early_hints_are_passed_over(get: Get) -> None:
    async with raw_server(saying(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", answer(body=b"x"))) as server:
        assert (await get(server.url)).body == b"x"


async def test_no_cookie_is_stored(get: Get) -> None:
    async with raw_server(saying(answer(headers=("Set-Cookie: a=b",)))) as server:
        assert (await get(server.url)).headers["set-cookie"] == "a=b"
        await get(server.url)
    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(OK) as proxy, raw_server(OK) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = OutboundClient(["localhost"])
        await client.send(OutboundRequest("GET", server.url))
        await client.stop()
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_a_request_over_its_bounds_is_not_sent() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(request_bytes=10, headers=5, header_bytes=100))
    async with raw_server(OK) as server:
        for request, complaint in (
            (OutboundRequest("POST", server.url, {}, b"x" * 11), "Request body is larger than 10 bytes"),
            (OutboundRequest("GET", server.url, {f"x-{n}": "" for n in range(5)}), "headers are too large"),
            (OutboundRequest("GET", server.url, {"x": "y" * 100}), "headers are too large"),
        ):
            with pytest.raises(OutboundFailed, match=complaint):
                await client.send(request)
        await client.send(OutboundRequest("POST", server.url, {}, b"x" * 10))
        await client.send(OutboundRequest("GET", server.url, {f"x-{n}": "" for n in range(3)}))
    assert len(server.requests) == 2
    await client.stop()


async def test_a_post_without_a_body_has_a_content_length(client: OutboundClient) -> None:
    async with raw_server(OK) as server:
        for method in ("POST", "GET"):
            await client.send(OutboundRequest(method, server.url))
    assert [request.headers.get("content-length") for request in server.requests] == ["0", None]


async def test_framing_bytes_do_not_count_as_the_body() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(response_bytes=2_000_000))
    chunks = (b"32\r\n" + b"x" * 50 + b"\r\n") * 40_000 + b"0\r\n\r\n"
    async with raw_server(saying(answer(headers=("Transfer-Encoding: chunked",), has_length=False), chunks)) as server:
        assert len((await client.send(OutboundRequest("GET", server.url))).body) == 2_000_000
    await client.stop()
