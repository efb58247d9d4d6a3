"""`fetch` of user code uses the guarded client."""

import pytest
from tests.support.raw_http import answer, raw_server, saying

from executor_service.adapters.sandbox_fetcher import SandboxFetcher
from executor_service.sandbox import FetchFailed, FetchRequest, JavaScriptSandbox, PoolSize, Script
from shared.net import OutboundClient


def asking(url: str, method: str = "GET", body: str | None = None) -> FetchRequest:
    return FetchRequest(url=url, method=method, headers={"X-A": "1"}, body=body, workspace_id="w")


async def test_an_answer_is_handed_on_without_its_byte_order_mark(client: OutboundClient) -> None:
    body = b"\xef\xbb\xbf" + "grün".encode() + b"\xff"
    async with raw_server(saying(answer("201 Made", body, ("X-B: 2",)))) as server:
        response = await SandboxFetcher(client)(asking(f"{server.url}/a", "post", "ü\ud800"))
    assert (response.status, response.status_text, response.url) == (201, "Made", f"{server.url}/a")
    assert (response.headers["x-b"], response.body) == ("2", "grün".encode() + b"\xff")
    assert (server.requests[0].method, server.requests[0].body) == ("POST", "ü?".encode())
    assert server.requests[0].headers["x-a"] == "1"


async def test_a_refusal_is_reported_to_the_code(client: OutboundClient) -> None:
    with pytest.raises(FetchFailed, match="url cannot point to private IP addresses"):
        await SandboxFetcher(client)(asking("https://10.0.0.1/"))


async def test_a_slow_answer_is_given_up(client: OutboundClient) -> None:
    async with raw_server(saying()) as server:
        with pytest.raises(FetchFailed, match="timed out after 50ms"):
            await SandboxFetcher(client, timeout_seconds=0.05)(asking(server.url))


async def test_user_code_reads_an_answer_as_text(client: OutboundClient) -> None:
    async with (
        raw_server(saying(answer(body="grün".encode() + b"\xff"))) as server,
        JavaScriptSandbox(fetcher=SandboxFetcher(client), size=PoolSize(spare=1)) as sandbox,
    ):
        result = await sandbox.run(Script(code=f"return await (await fetch('{server.url}')).text()"))
    assert result.value() == "grün\ufffd"


async def test_user_code_fetches_through_the_guard() -> None:
    client = OutboundClient()
    async with JavaScriptSandbox(fetcher=SandboxFetcher(client), size=PoolSize(spare=1)) as sandbox:
        code = "try { await fetch('https://169.254.169.254/latest') } catch (e) { return e.message }"
        result = await sandbox.run(Script(code=code))
    assert result.value() == "url cannot point to private IP addresses"
    await client.stop()
