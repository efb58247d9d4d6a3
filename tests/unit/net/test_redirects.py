"""Redirects: where to, how often, with which method and headers."""

import asyncio

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.raw_http import Received, answer, raw_server, saying
from tests.unit.net.conftest import Get

from shared.net import BlockedAddress, OutboundClient, OutboundFailed, OutboundRequest
from shared.net.redirects import make_hop, next_hop
from shared.net.urls import read_target

SECRETS = {"authorization": "Bearer x", "cookie": "a=b", "x-api-key": "k", "x-anything": "k", "proxy-key": "k"}
PLAIN = {"accept": "a/b", "accept-language": "en", "user-agent": "u"}


async def redirecting(request: Received, writer: asyncio.StreamWriter) -> None:
    """Redirect `/302/where` to `/where`; answer other requests with their target."""
    _, status, *rest = request.target.split("/", 2)
    if status.isdigit():
        writer.write(answer(f"{status} See", b"ignored", (f"Location: /{rest[0]}",)))
    else:
        writer.write(answer(body=request.target.encode()))


@pytest.mark.parametrize(
    ("method", "status", "becomes"),
    [
        ("GET", 301, "GET"),
        ("HEAD", 302, "HEAD"),
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("PUT", 302, "PUT"),
        ("DELETE", 301, "DELETE"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("PATCH", 308, "PATCH"),
    ],
)
async def test_the_method_follows_the_standard(client: OutboundClient, method: str, status: int, becomes: str) -> None:
    body = None if method in ("GET", "HEAD") else b"body"
    async with raw_server(redirecting) as server:
        url = f"{server.url}/{status}/end"
        response = await client.send(
            OutboundRequest(method, url, {"content-type": "x/y"}, body, timeout_seconds=PATIENCE_SECONDS)
        )
    last = server.requests[-1]
    assert (last.method, last.target, response.url) == (becomes, "/end", f"{server.url}/end")
    keeps_body = becomes == method and body is not None
    assert (last.body, last.headers.get("content-type")) == (
        (b"body", "x/y") if keeps_body else (b"", "x/y" if becomes == method else None)
    )


@pytest.mark.parametrize(("status", "ends_with"), [(301, 301), (302, 302), (303, 303), (307, 200), (308, 200)])
async def test_a_request_that_must_keep_its_method_never_becomes_a_get(
    client: OutboundClient, status: int, ends_with: int
) -> None:
    async with raw_server(redirecting) as server:
        event = OutboundRequest(
            "POST", f"{server.url}/{status}/end", {}, b"body", timeout_seconds=PATIENCE_SECONDS, keeps_method=True
        )
        assert (await client.send(event)).status == ends_with
    assert [request.method for request in server.requests] == ["POST"] * (2 if ends_with == 200 else 1)


@pytest.mark.parametrize("status", ["300 Many", "304 Not", "305 Proxy", "399 X", "302 No Location"])
async def test_other_answers_are_not_followed(get: Get, status: str) -> None:
    headers = () if "No Location" in status else ("Location: /x",)
    async with raw_server(saying(answer(status, headers=headers))) as server:
        assert (await get(server.url)).status == int(status[:3])
    assert len(server.requests) == 1


async def test_ten_redirects_are_followed_and_not_eleven(get: Get) -> None:
    async with raw_server(redirecting) as server:
        assert (await get(server.url + "/302" * 10 + "/end")).body == b"/end"
        with pytest.raises(OutboundFailed, match="More than 10 redirects"):
            await get(server.url + "/302" * 11 + "/end")


async def test_a_redirect_to_itself_ends(get: Get) -> None:
    async with raw_server(saying(answer("302 Again", headers=("Location: ",)))) as server:
        with pytest.raises(OutboundFailed, match="redirects"):
            await get(server.url)


async def test_another_origin_receives_no_secrets(get: Get) -> None:
    async with raw_server(saying(answer())) as stranger:
        location = (f"Location: {stranger.url}/",)
        async with raw_server(saying(answer("307 There", headers=location))) as server:
            await get(server.url.replace("//", "//user:pass@"), headers={**SECRETS, **PLAIN})
    assert server.requests[0].headers.items() >= {**SECRETS, **PLAIN}.items()
    assert stranger.requests[0].headers == {
        **PLAIN,
        "host": f"127.0.0.1:{stranger.port}",
        "accept-encoding": "gzip, deflate",
    }


@pytest.mark.parametrize(
    "other", ["https://b.example/", "https://a.example:8443/", "https://sub.a.example/", "//a.example.b.example/"]
)
def test_host_and_port_make_an_origin(other: str) -> None:
    first = make_hop(read_target("https://a.example/"), "GET", SECRETS, None)
    second = next_hop(first, 302, other)
    assert second.headers == {}
    assert next_hop(second, 302, "https://a.example/").headers == {}


def test_the_same_origin_receives_everything_again() -> None:
    first = make_hop(read_target("https://user:pass@a.example/x"), "GET", {"x-api-key": "k"}, None)
    assert first.headers == {"x-api-key": "k", "authorization": "Basic dXNlcjpwYXNz"}
    assert next_hop(first, 302, "https://A.example:443/y").headers == first.headers


def test_a_redirect_from_https_to_http_is_refused() -> None:
    first = make_hop(read_target("https://a.example/"), "GET", {}, None)
    with pytest.raises(BlockedAddress, match="https://"):
        next_hop(first, 302, "http://a.example/")
