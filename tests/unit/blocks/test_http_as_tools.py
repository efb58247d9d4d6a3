"""HTTP blocks as tools of a model."""

import json
import tracemalloc
from typing import Any

import pytest
from tests.support.blocks.agents import Model, asks_for, says
from tests.support.blocks.agents import run as run_agent
from tests.support.http_stub import HttpStub

from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.http import MAX_PATH_PARAMS, ApiHandler
from executor_service.blocks.webhook_request import WebhookHandler
from executor_service.engine import BlockHandler, RunResult
from executor_service.providers import ToolCall
from shared.net import OutboundClient


async def request_by_an_agent(kind: str, handler: BlockHandler, **arguments: Any) -> RunResult:
    """Return the request of an agent whose model calls the block as its tool once."""
    (tool, _) = block_tools({kind: handler})[kind]
    model = Model(asks_for(ToolCall("c", tool.name, json.dumps(arguments))), says("done"))
    return await run_agent(model, blocks={kind: handler}, tools=[{"type": kind}])


async def test_a_path_parameter_is_not_substituted_inside_another(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/u/:id/:id2/:idle"
    await request_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"id": "1", "id2": "a/b", "i": "x"})
    assert stub.requests[0].target == "/u/1/a%2Fb/:idle"


async def test_a_tool_call_without_a_url_is_reported_to_the_model(outbound: OutboundClient) -> None:
    result = await request_by_an_agent("webhook_request", WebhookHandler(outbound), body={})
    (called,) = result.output["toolCalls"]["list"]
    assert "url" in called["result"]["message"]
    assert "KeyError" not in called["result"]["message"]


async def test_a_short_url_that_names_a_long_value_often_is_not_filled_in(outbound: OutboundClient) -> None:
    url = "https://example.com/" + ":a/" * 15_000
    tracemalloc.start()
    result = await request_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"a": "x" * 20_000})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (called,) = result.output["toolCalls"]["list"]
    assert called["result"]["message"] == "url must be a valid URL"
    assert peak < 50_000_000


async def test_the_number_of_url_parameters_is_bounded(outbound: OutboundClient) -> None:
    many = {f"p{number}": "x" for number in range(MAX_PATH_PARAMS + 1)}
    result = await request_by_an_agent("api", ApiHandler(outbound), url="https://example.com/", pathParams=many)
    (called,) = result.output["toolCalls"]["list"]
    assert called["result"]["message"] == "More than 100 path parameters"


async def test_a_value_is_filled_in_as_it_is(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/:a"
    await request_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"a": r"\1\g<0>"})
    assert stub.requests[0].target == "/%5C1%5Cg%3C0%3E"


async def test_the_fields_of_a_form_are_sent_as_one(stub: HttpStub, outbound: OutboundClient) -> None:
    url, form = f"http://localhost:{stub.port}/", {"a": "x y", "b": 1}
    await request_by_an_agent("api", ApiHandler(outbound), url=url, method="POST", formData=form)
    assert stub.requests[0].body == "a=x+y&b=1"
    assert stub.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_no_model_makes_a_webhook_anything_but_a_post(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/"
    await request_by_an_agent("webhook_request", WebhookHandler(outbound), url=url, method="GET")
    assert stub.requests[0].method == "POST"


@pytest.mark.parametrize(
    "headers",
    [["x", {"cells": 5}, {"cells": {"Key": "X-A", "Value": "b"}}, None], {"X-A": "b", "X-None": None, "": "x"}, "x"],
)
async def test_invalid_table_rows_are_ignored(stub: HttpStub, outbound: OutboundClient, headers: Any) -> None:
    tool = {"type": "api", "params": {"url": f"http://localhost:{stub.port}/", "headers": headers}}
    model = Model(asks_for(ToolCall("c", "http_request", "{}")), says("done"))
    await run_agent(model, blocks={"api": ApiHandler(outbound)}, tools=[tool])
    ours = {"host", "accept-encoding", "user-agent", "accept"}
    assert stub.requests[0].headers.keys() - ours == (set() if headers == "x" else {"x-a"})
