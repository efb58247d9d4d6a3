"""The MCP block calls a tool over the protocol, and only where workflows may call."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs
from tests.support.blocks.mcp_server import (
    BreakingServer,
    EndlessServer,
    EndlessSessionServer,
    MinimalServer,
    PatternServer,
    ToolServer,
)
from tests.support.blocks.runs import INPUT, engine_of, failure, run
from tests.support.eventually import PATIENCE_MS
from tests.support.http_stub import Answer, HttpStub
from tests.support.workflow_states import block, chain

from executor_service.blocks.mcp import McpHandler, McpServers, Server, transport
from executor_service.blocks.mcp.client import MAX_PAGES, MAX_REASON, MAX_TOOLS
from executor_service.blocks.mcp.transport import OutboundTransport
from executor_service.engine import BlockFailure, RunResult
from shared.net import OutboundClient, OutboundRequest, OutboundResponse
from shared.workflow.format.js_values import JsonObject


@pytest.fixture(params=["stream", "json", "stateless"])
def any_server(request: pytest.FixtureRequest) -> Iterator[ToolServer]:
    kinds: dict[str, dict[str, bool]] = {
        "stream": {},
        "json": {"json_response": True},
        "stateless": {"stateless": True},
    }
    with ToolServer(**kinds[request.param]) as server:
        yield server


async def call(outbound: OutboundClient, url: str, tool: str, body: Any = None, **more: Any) -> RunResult:
    limit = more.pop("time_limit_ms", PATIENCE_MS)
    document = chain(INPUT, block("m", "mcp", "M", settings={"server": url, "tool": tool, **more}))
    return await run(document, engine_of({"mcp": McpHandler(McpServers(outbound))}), body, time_limit_ms=limit)


async def test_the_output_is_the_content_that_the_tool_gave(any_server: ToolServer, outbound: OutboundClient) -> None:
    result = await call(outbound, any_server.url, "add", arguments='{"a": 2, "b": 3}')
    assert result.output == {"content": [{"type": "text", "text": "5"}]}
    assert any_server.calls == 1


async def test_the_failure_text_of_a_server_is_bounded(outbound: OutboundClient) -> None:
    with EndlessServer() as server:
        assert failure(await call(outbound, server.url, "any")) == f"M: {'x' * MAX_REASON}"
        server.refusal = "y" * 100_000
        assert failure(await call(outbound, server.url, "any")) == f"M: {'y' * MAX_REASON}"


@pytest.mark.parametrize(("tools_of_a_page", "pages", "offered"), [(20, 7, MAX_TOOLS), (1, MAX_PAGES, MAX_PAGES)])
async def test_a_servers_tool_list_is_bounded_and_what_it_omits_is_logged(
    outbound: OutboundClient, tools_of_a_page: int, pages: int, offered: int
) -> None:
    with EndlessServer(tools_of_a_page) as server, capture_logs() as logs:
        tools = await McpServers(outbound).tools(Server(server.url, {}, 30, "w1"))
        assert (len(tools), server.pages) == (offered, pages)
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("mcp_tools_dropped", "warning")
    assert (entry["host"], entry["workspace_id"], entry["offered"]) == ("127.0.0.1", "w1", offered)


async def test_a_complete_tool_list_logs_nothing(server: ToolServer, outbound: OutboundClient) -> None:
    with capture_logs() as logs:
        assert await McpServers(outbound).tools(Server(server.url, {}, 30, "w1"))
    assert logs == []


@pytest.mark.parametrize(("left_ms", "seconds"), [(5_000, 6), (900_000, 300)])
async def test_a_session_runs_for_its_workspace_within_the_remaining_time(left_ms: int, seconds: float) -> None:
    sent: list[OutboundRequest] = []

    class RecordingClient(OutboundClient):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            sent.append(request)
            return OutboundResponse(404, "Not Found", request.url, {}, b"")

    failure(await call(RecordingClient(), "https://example.com/mcp", "any", time_limit_ms=left_ms))
    assert {(each.timeout_seconds, each.workspace_id) for each in sent} == {(seconds, "w1")}


async def test_progress_messages_are_skipped(server: ToolServer, outbound: OutboundClient) -> None:
    result = await call(outbound, server.url, "report")
    assert result.output["content"][0]["text"] == "done"


@pytest.mark.parametrize("arguments", ['{"text": "<start.input>"}', {"text": "<start.input>"}])
async def test_values_in_arguments_may_contain_anything(
    server: ToolServer, outbound: OutboundClient, arguments: Any
) -> None:
    text = 'She said "hi",\nand left.'
    result = await call(outbound, server.url, "say", {"input": text}, arguments=arguments)
    assert result.output["content"][0]["text"] == text


async def test_headers_are_sent_with_every_request(server: ToolServer, outbound: OutboundClient) -> None:
    server.token = "t0ken"
    headers = [{"id": "1", "cells": {"Key": "Authorization", "Value": "Bearer t0ken"}}]
    assert (await call(outbound, server.url, "say", arguments='{"text": "x"}', headers=headers)).outcome.error is None
    assert {headers["user-agent"] for _, headers in server.requests} == {"Flowport/1.0"}


async def test_no_stream_is_left_open_and_the_session_is_ended(server: ToolServer, outbound: OutboundClient) -> None:
    await call(outbound, server.url, "say", arguments='{"text": "x"}')
    assert {method for method, _ in server.requests} <= {"POST", "DELETE"}


async def test_a_failing_tool_fails_the_block_with_its_text(server: ToolServer, outbound: OutboundClient) -> None:
    assert failure(await call(outbound, server.url, "break_down")) == (
        "M: Error executing tool break_down: out of order"
    )


async def test_an_unknown_tool_is_reported_by_the_server(server: ToolServer, outbound: OutboundClient) -> None:
    assert failure(await call(outbound, server.url, "subtract")) == "M: Unknown tool: subtract"


async def test_a_server_that_rejects_the_credentials_is_reported_with_its_status(
    server: ToolServer, outbound: OutboundClient
) -> None:
    server.token = "t0ken"
    assert failure(await call(outbound, server.url, "say")) == (
        "M: Server returned an error response (HTTP 401 Unauthorized)"
    )


async def test_a_tool_that_takes_too_long_ends_with_the_run(server: ToolServer, outbound: OutboundClient) -> None:
    result = await call(outbound, server.url, "dawdle", time_limit_ms=700)
    assert result.outcome.status == "failed"


async def test_a_server_without_mcp_is_reported_in_the_run_only(
    outbound: OutboundClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with HttpStub() as stub:
        stub.answer(Answer(200, '{"hello": "world"}'))
        result = await call(outbound, f"http://127.0.0.1:{stub.port}/mcp", "say")
    assert failure(result) == "M: The MCP server's response violates the protocol"
    assert caplog.records == []


async def test_no_server_chooses_the_codec_that_its_answer_is_read_with(outbound: OutboundClient) -> None:
    async with HttpStub() as stub:
        stub.answer(Answer(200, "grün", {"content-type": "text/plain; charset=punycode"}))
        way = OutboundTransport(outbound, "w1", 5.0)
        async with httpx2.AsyncClient(transport=way) as client:
            answer = await client.post(f"http://127.0.0.1:{stub.port}/mcp")
    assert (answer.encoding, answer.text) == ("utf-8", "grün")


async def test_a_closed_port_is_reported(outbound: OutboundClient) -> None:
    with ToolServer() as stopped:
        url = stopped.url
    assert failure(await call(outbound, url, "say")).startswith("M: ")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/mcp", "url must use https:// protocol"),
        ("https://169.254.169.254/mcp", "url cannot point to private IP addresses"),
        ("https://127.0.0.1/mcp", "url cannot point to private IP addresses"),
    ],
)
async def test_forbidden_servers_are_not_called(url: str, reason: str) -> None:
    client = OutboundClient()
    assert failure(await call(client, url, "say")) == f"M: {reason}"
    await client.stop()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"server": "mcp-1a2b3c"}, "MCP servers are identified by their URL, and mcp-1a2b3c is not a URL"),
        ({"server": "https://["}, "url must be a valid URL"),
        ({"arguments": "[1, 2]"}, "The arguments of an MCP tool must be a JSON object"),
        ({"arguments": "{"}, "The arguments of an MCP tool must be a JSON object"),
    ],
)
async def test_invalid_calls_are_refused(outbound: OutboundClient, settings: JsonObject, reason: str) -> None:
    given: JsonObject = {"server": "https://tools.example/mcp", "tool": "say", **settings}
    document = chain(INPUT, block("m", "mcp", "M", settings=given))
    assert failure(await run(document, engine_of({"mcp": McpHandler(McpServers(outbound))}))) == f"M: {reason}"


async def test_no_server_chooses_a_pattern_that_its_answer_is_checked_against(outbound: OutboundClient) -> None:
    with PatternServer() as server:
        assert (await call(outbound, server.url, "any")).output == {"content": [{"type": "text", "text": "done"}]}


async def test_a_server_that_takes_no_leave_loses_no_answer(
    outbound: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "SESSION_CLOSE_SECONDS", 0.1)
    with EndlessSessionServer() as server:
        assert (await call(outbound, server.url, "any")).output == {"content": [{"type": "text", "text": "done"}]}


async def test_a_repeatedly_broken_stream_is_resumed_with_pauses(
    outbound: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "RECONNECT_SECONDS", 0.4)
    with BreakingServer() as server:
        failure(await call(outbound, server.url, "any", time_limit_ms=1_000))
        assert 1 <= server.reconnections <= 2


async def test_the_total_data_of_a_session_is_bounded(
    outbound: OutboundClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "RECONNECT_SECONDS", 0.0)
    monkeypatch.setattr(transport, "MAX_SESSION_BYTES", 100_000)
    with BreakingServer(30_000) as server:
        message = failure(await call(outbound, server.url, "any", time_limit_ms=PATIENCE_MS))
        assert server.reconnections <= 5
    assert "The MCP server sent more than 100000 bytes" in message


async def test_a_header_may_hold_any_text(server: ToolServer, outbound: OutboundClient) -> None:
    headers = [{"id": "1", "cells": {"Key": "X-Who", "Value": "Jörg"}}]
    result = await call(outbound, server.url, "say", arguments='{"text": "x"}', headers=headers)
    assert result.outcome.error is None
    assert {headers["x-who"] for _, headers in server.requests} == {"Jörg"}


async def test_a_server_that_is_slow_each_time_has_one_time_for_all(outbound: OutboundClient) -> None:
    with EndlessServer() as server:
        server.pause = 0.3
        with pytest.raises(BlockFailure, match=r"did not respond within 1\.5 seconds"):
            await McpServers(outbound).tools(Server(server.url, {}, 1.5, "w1"))
        assert server.pages < MAX_PAGES


async def test_an_answer_may_be_long(any_server: ToolServer, outbound: OutboundClient) -> None:
    text = "x" * 3_000_000
    result = await call(outbound, any_server.url, "say", arguments={"text": text}, time_limit_ms=60_000)
    assert result.output["content"][0]["text"] == text


async def test_a_tool_that_fails_without_text_is_reported(outbound: OutboundClient) -> None:
    class Silent(MinimalServer):
        def tools_call(self) -> Any:
            return {"content": [], "isError": True}

    with Silent() as server:
        assert failure(await call(outbound, server.url, "any")) == "M: The MCP tool failed without a reason"


async def test_a_failed_session_end_does_not_fail_the_block(outbound: OutboundClient) -> None:
    class Eternal(MinimalServer):
        session = "s1"
        refusal = "no such tool"

        async def delete(self, request: Request) -> Response:
            return Response(status_code=405)

    with Eternal() as server:
        assert failure(await call(outbound, server.url, "any")) == "M: no such tool"
