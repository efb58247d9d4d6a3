"""HTTP blocks say exactly what they sent and what came back."""

import asyncio
import hashlib
import hmac
import json
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.support.raw_http import answer, raw_server, saying
from tests.unit.blocks.agent_running import Model, asks_for, says
from tests.unit.blocks.agent_running import run as run_agent
from tests.unit.blocks.running import INPUT, Nobody, engine_of, failure, request, run
from tests.unit.workflow.states import block, chain

from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.http import ApiHandler
from executor_service.blocks.http.request import MAX_PATH_PARAMS
from executor_service.blocks.http.retrying import MAX_RETRIES, RetryPlan
from executor_service.blocks.webhook_request import WebhookHandler
from executor_service.engine import BlockHandler, Execution, RunResult
from executor_service.providers import ToolCall
from shared.net import OutboundClient, OutboundRequest, OutboundResponse
from shared.workflow.compile import compile_workflow
from shared.workflow.jsvalues import Json
from shared.workflow.unsupported_settings import NO_PROXY


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


@pytest.fixture
async def outbound() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["localhost"])
    yield client
    await client.stop()


async def send(kind: str, handler: BlockHandler, given: Any, settings: dict[str, Any]) -> RunResult:
    """Run start → the block."""
    document = chain(INPUT, block("b", kind, "B", settings=settings))
    return await run(document, engine_of({kind: handler}), given)


class Api:
    """The block, on the stub."""

    def __init__(self, stub: HttpStub, outbound: OutboundClient) -> None:
        self._stub = stub
        self._outbound = outbound

    async def __call__(self, path: str = "/x", given: Any = None, **settings: Any) -> RunResult:
        url = f"http://localhost:{self._stub.port}{path}"
        return await send("api", ApiHandler(self._outbound), given, {"url": url, **settings})


@pytest.fixture
def api(stub: HttpStub, outbound: OutboundClient) -> Api:
    return Api(stub, outbound)


def table(**rows: str) -> list[dict[str, Any]]:
    return [{"id": key, "cells": {"Key": key, "Value": value}} for key, value in rows.items()]


async def test_an_answer_is_data_status_and_headers(api: Api) -> None:
    assert (await api()).output == {
        "data": {"path": "/x", "method": "GET", "body": ""},
        "status": 200,
        "headers": {"content-type": "application/json"},
    }


async def test_query_rows_are_percent_encoded_and_appended(api: Api, stub: HttpStub) -> None:
    await api("/x?a=1#part", {"input": "a b&c"}, params=table(q="<start.input>", **{"": "skipped"}))
    assert stub.asked[0].target == "/x?a=1&q=a%20b%26c"


async def test_the_authors_headers_go_before_the_usual_ones(api: Api, stub: HttpStub) -> None:
    await api(headers=table(Accept="text/plain", **{"X-Test": "v"}))
    headers = stub.asked[0].headers
    assert (headers["accept"], headers["x-test"], headers["user-agent"]) == ("text/plain", "v", "Flowport/1.0")


@pytest.mark.parametrize(
    ("given", "sent", "content_type"),
    [
        ('{"a": 1}', '{"a":1}', "application/json"),
        ("plain text", "plain text", "application/json"),
        ('"quoted"', '"quoted"', "application/json"),
        ({"a": [1]}, '{"a":[1]}', "application/json"),
    ],
)
async def test_a_body_that_is_json_is_sent_as_json(
    api: Api, stub: HttpStub, given: Any, sent: str, content_type: str
) -> None:
    await api(method="POST", body=given)
    assert (stub.asked[0].body, stub.asked[0].headers["content-type"]) == (sent, content_type)


async def test_an_object_is_sent_as_a_form_where_the_header_says_so(api: Api, stub: HttpStub) -> None:
    form = table(**{"Content-Type": "application/x-www-form-urlencoded"})
    await api(method="POST", body='{"a": "x y", "b": {"c": 1}}', headers=form)
    assert stub.asked[0].body == "a=x+y&b=%7B%22c%22%3A1%7D"


async def test_values_in_a_body_are_written_as_json_where_the_author_wants_it(api: Api, stub: HttpStub) -> None:
    given = {"input": 'say "hi"\n'}
    await api(method="POST", given=given, body='{"a": "<start.input>", "b": <start.input>}', escapeValues="true")
    assert json.loads(stub.asked[0].body) == {"a": 'say "hi"\n', "b": 'say "hi"\n'}


@pytest.mark.parametrize("method", ["GET", "head"])
async def test_a_get_has_no_body(api: Api, stub: HttpStub, method: str) -> None:
    await api(method=method, body='{"a": 1}')
    assert stub.asked[0].body == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Answer(404, "{}"),
            "Error: Not Found | Status: 404 | Status text: Not Found - The requested resource was not found",
        ),
        (
            Answer(500, '{"error": "bad thing"}'),
            "Error: bad thing | Status: 500 | Status text: Internal Server Error - ",
        ),
        (Answer(500, '{"message": "why", "error": "no"}'), "Error: why | Status: 500"),
        (Answer(500, '{"message": 5, "error": ["no"]}'), "Error: Internal Server Error | Status: 500"),
        (Answer(500, '{"error": {"message": "deep"}}'), "Error: deep | Status: 500"),
        (Answer(429, "slow down", {"content-type": "text/plain"}), "Error: Too Many Requests | Status: 429"),
    ],
)
async def test_an_answer_that_is_no_success_fails_with_what_the_server_said(
    api: Api, stub: HttpStub, answer: Answer, told: str
) -> None:
    stub.answer(answer)
    message = failure(await api())
    assert message.startswith(f"B: HTTP Request failed: URL: http://localhost:{stub.port}/x | Method: GET | {told}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.com/x", "url must use https:// protocol"),
        ("not a url", "url must be a valid URL"),
        ("https://169.254.169.254/latest", "url cannot point to private IP addresses"),
        ("https://93.184.216.34:6379/", "url uses a blocked port"),
    ],
)
async def test_what_workflows_may_not_call_is_refused(url: str, message: str) -> None:
    outbound = OutboundClient()
    assert failure(await send("api", ApiHandler(outbound), None, {"url": url})) == f"B: {message}"
    await outbound.stop()


async def test_no_query_is_told_with_a_failure(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(404))
    message = failure(await api("/x", {"input": "key=1"}, params=table(q="<start.input>")))
    assert f"URL: http://localhost:{stub.port}/x?… | Method" in message


async def test_no_password_is_told_with_a_failure(outbound: OutboundClient, stub: HttpStub) -> None:
    stub.answer(Answer(401))
    url = f"http://jo:p@ss@localhost:{stub.port}/x//@home"
    message = failure(await send("api", ApiHandler(outbound), {}, {"url": url}))
    assert f"URL: http://localhost:{stub.port}/x//@home | Method" in message


async def test_a_slow_server_is_given_up_after_the_blocks_own_time(api: Api, stub: HttpStub) -> None:
    assert failure(await api("/slow", timeout=50)).endswith("| Method: GET | Error: Request timed out after 50ms")


async def test_what_may_not_be_called_is_not_tried_again(outbound: OutboundClient) -> None:
    settings: Any = {"url": "https://169.254.169.254/", "retries": 3, "retryDelayMs": 30_000}
    refused = await asyncio.wait_for(send("api", ApiHandler(outbound), None, settings), 20)
    assert failure(refused) == "B: url cannot point to private IP addresses"


async def test_nor_is_the_block(outbound: OutboundClient) -> None:
    document: Any = chain(INPUT, block("b", "api", "B", settings={"url": "https://169.254.169.254/"}))
    document["blocks"]["b"]["retry"] = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}
    result = await run(document, engine_of({"api": ApiHandler(outbound)}))
    assert result.blocks[-1].tries is None


async def test_an_answer_that_is_neither_success_nor_a_way_on_is_a_failure(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(304))
    assert "Status: 304" in failure(await api())


async def test_a_call_is_tried_again_so_often_and_no_oftener(api: Api, stub: HttpStub) -> None:
    stub.answer(*[Answer(500, "{}")] * 20)
    failure(await api(retries=50, retryDelayMs=0))
    assert len(stub.asked) == MAX_RETRIES + 1


def test_the_pause_between_two_tries_doubles_up_to_its_bound() -> None:
    plan = RetryPlan.of({"retries": 9, "retryDelayMs": 100, "retryMaxDelayMs": 300}, "GET")
    pauses = [plan.backoff_ms(attempt) for attempt in range(9)]
    assert 100 <= pauses[0] <= 110
    assert 200 <= pauses[1] <= 220
    assert all(300 <= pause <= 330 for pause in pauses[2:])


@pytest.mark.parametrize(
    ("allowed", "left_ms", "seconds"),
    [(None, 900_000, 300), ("2000", 900_000, 2), ("700000", 900_000, 600), ("0", 900_000, 300), ("9000", 5_000, 6)],
)
async def test_a_call_is_its_workspaces_and_takes_no_longer_than_there_is_time(
    allowed: str | None, left_ms: int, seconds: float
) -> None:
    asked: list[OutboundRequest] = []

    class Ear(OutboundClient):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            asked.append(request)
            return OutboundResponse(200, "OK", request.url, {}, b"")

    settings: Any = {"url": "https://example.com/", "timeout": allowed}
    document = chain(INPUT, block("b", "api", "B", settings=settings))
    await run(document, engine_of({"api": ApiHandler(Ear())}), time_limit_ms=left_ms)
    assert [(each.timeout_seconds, each.workspace_id) for each in asked] == [(seconds, "w1")]


async def test_a_call_that_is_to_take_a_proxy_is_refused_as_deploy_would(api: Api, stub: HttpStub) -> None:
    assert failure(await api(proxyUrl="http://proxy.example")) == f"B: {NO_PROXY}"
    assert stub.asked == []


@pytest.mark.parametrize("given", [-1, "", None])
def test_a_pause_that_is_none_is_the_usual_one(given: Any) -> None:
    assert RetryPlan.of({"retryDelayMs": given, "retryMaxDelayMs": given}, "GET") == RetryPlan(0, 500, 30_000)


async def test_a_blank_url_calls_nobody(outbound: OutboundClient) -> None:
    assert (await send("api", ApiHandler(outbound), {}, {"url": "<start.conversationId>"})).output == {
        "data": None,
        "status": 200,
        "headers": {},
    }


async def test_a_passing_failure_is_tried_again(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(500, "{}"), Answer(429, "{}", {"retry-after": "0"}), Answer(200, '{"ok": 1}'))
    assert (await api(retries=2, retryDelayMs=1)).output["data"] == {"ok": 1}


@pytest.mark.parametrize(
    ("settings", "tries"),
    [
        ({"method": "POST", "retries": 2}, 1),
        ({"method": "POST", "retries": 2, "retryNonIdempotent": True}, 3),
        ({"method": "PUT", "retries": "1"}, 2),
        ({"method": "GET"}, 1),
    ],
)
async def test_only_what_may_be_repeated_is(api: Api, stub: HttpStub, settings: dict[str, Any], tries: int) -> None:
    stub.answer(Answer(500, "{}"))
    await api(retryDelayMs=1, **settings)
    assert len(stub.asked) == tries


async def test_a_server_that_does_not_answer_is_asked_again_and_its_last_failure_told(api: Api, stub: HttpStub) -> None:
    result = await api("/slow", timeout=300, retries=1, retryDelayMs=1)
    assert failure(result).endswith("Error: Request timed out after 300ms")
    assert len(stub.asked) == 2


async def test_a_refusal_for_good_is_not_tried_again(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(404, "{}"))
    await api(retries=3, retryDelayMs=1)
    assert len(stub.asked) == 1


async def test_a_server_that_wants_a_longer_pause_than_allowed_is_left(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": "3600"}))
    await api(retries=3, retryDelayMs=1, retryMaxDelayMs=10)
    assert len(stub.asked) == 1


@pytest.mark.parametrize("pause", ["9" * 400, "9" * 5_000])
async def test_a_pause_without_end_is_longer_than_allowed(api: Api, stub: HttpStub, pause: str) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": pause}))
    assert "Status: 429" in failure(await api(retries=3, retryDelayMs=1))
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "pause",
    [
        "²",
        "-1",
        "soon",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 2024 00:00:00 +2500",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "1 ²",
    ],
)
async def test_a_pause_that_nobody_can_read_breaks_nothing(api: Api, stub: HttpStub, pause: str) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": pause}))
    assert "Status: 429" in failure(await api(retries=1, retryDelayMs=1))


async def test_an_empty_answer_is_empty_whatever_its_type(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(204, ""))
    assert (await api(method="DELETE")).output["data"] == ""


@pytest.mark.parametrize("charset", ["punycode", "undefined", "idna", "unicode_escape"])
async def test_no_answer_chooses_a_codec_that_reads_no_texts(api: Api, stub: HttpStub, charset: str) -> None:
    stub.answer(Answer(200, r"1-\ud800-2", {"content-type": f"text/plain; charset={charset}"}))
    assert (await api()).output["data"] == r"1-\ud800-2"


async def test_an_answer_that_a_proxy_wrapped_is_unwrapped(api: Api, stub: HttpStub) -> None:
    inner = {"data": {"k": 1}, "status": 201, "headers": {"x-inner": "1"}}
    stub.answer(Answer(200, json.dumps({"success": True, **inner})))
    assert (await api()).output == inner


async def test_a_wrapper_whose_headers_are_none_has_none(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(200, json.dumps({"success": True, "data": 1, "status": 201, "headers": "x"})))
    assert (await api()).output == {"data": 1, "status": 201, "headers": {}}


@pytest.mark.parametrize(("status", "phrase"), [("404 ", "Not Found"), ("799 ", "HTTP 799")])
async def test_a_server_that_gives_its_status_no_words_is_quoted_in_those_of_the_standard(
    outbound: OutboundClient, status: str, phrase: str
) -> None:
    async with raw_server(saying(answer(status))) as server:
        message = failure(await send("api", ApiHandler(outbound), {}, {"url": server.url}))
    assert f"Error: {phrase} | Status: {status.strip()} | Status text: {phrase}" in message


@pytest.mark.parametrize("wrapper", [{"data": 1, "status": 200}, {"success": True, "data": 1}])
async def test_an_answer_of_the_servers_own_is_left_alone(api: Api, stub: HttpStub, wrapper: Any) -> None:
    stub.answer(Answer(200, json.dumps(wrapper)))
    assert (await api()).output["data"] == wrapper


async def test_a_webhook_is_signed_and_named(stub: HttpStub, outbound: OutboundClient) -> None:
    settings = {"url": f"http://localhost:{stub.port}/hook", "body": '{"a": 1}', "secret": "s3cret"}
    for _ in range(2):
        await send("webhook_request", WebhookHandler(outbound), None, settings)
    first, second = stub.asked
    timestamp = first.headers["x-webhook-timestamp"]
    expected = hmac.new(b"s3cret", f'{timestamp}.{{"a":1}}'.encode(), hashlib.sha256).hexdigest()
    assert first.headers["x-webhook-signature"] == f"t={timestamp},v1={expected}"
    assert first.method == "POST"
    assert json.loads(first.body) == {"a": 1}
    assert first.headers["x-delivery-id"] == first.headers["idempotency-key"] == second.headers["x-delivery-id"]


async def test_values_in_a_webhooks_payload_are_written_as_json_too(stub: HttpStub, outbound: OutboundClient) -> None:
    settings = {"url": f"http://localhost:{stub.port}/hook", "body": '{"a": "<start.input>"}', "escapeValues": True}
    await send("webhook_request", WebhookHandler(outbound), {"input": 'say "hi"'}, settings)
    assert json.loads(stub.asked[0].body) == {"a": 'say "hi"'}


async def test_a_webhook_is_a_post_of_json_and_is_sent_once(stub: HttpStub, outbound: OutboundClient) -> None:
    stub.answer(Answer(500, "{}"))
    again: dict[str, Any] = {"method": "GET", "retries": 3, "retryNonIdempotent": True, "retryDelayMs": 0}
    settings = {
        "url": f"http://localhost:{stub.port}/hook",
        "headers": table(**{"Content-Type": "text/plain"}),
        **again,
    }
    failure(await send("webhook_request", WebhookHandler(outbound), None, settings))
    (asked,) = stub.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")


async def test_each_block_of_each_run_sends_a_webhook_of_its_own(stub: HttpStub, outbound: OutboundClient) -> None:
    settings: dict[str, Json] = {"url": f"http://localhost:{stub.port}/hook"}
    document = chain(INPUT, *(block(name, "webhook_request", name, settings=settings) for name in ("a", "b")))
    for run_id in ("run-1", "run-2"):
        await run(document, engine_of({"webhook_request": WebhookHandler(outbound)}), run_id=run_id)
    assert len({asked.headers["x-delivery-id"] for asked in stub.asked}) == len(stub.asked) == 4


async def test_a_webhook_without_a_secret_is_not_signed(stub: HttpStub, outbound: OutboundClient) -> None:
    await send("webhook_request", WebhookHandler(outbound), None, {"url": f"http://localhost:{stub.port}/hook"})
    assert "x-webhook-signature" not in stub.asked[0].headers


async def test_a_call_that_comes_back_to_us_tells_which_workflows_led_to_it(
    stub: HttpStub, outbound: OutboundClient
) -> None:
    ours = f"http://localhost:{stub.port}"
    settings: dict[str, Any] = {
        "url": f"{ours}/api/workflows/wf-2/execute",
        "headers": table(**{"x-sim-via": "forged", "X-Sim-Via": "forged"}),
    }
    document = compile_workflow(chain(INPUT, block("b", "api", "B", settings=settings)))
    engine = engine_of({"api": ApiHandler(outbound)})
    for public_url, told in ((ours, "wf-0,wf-1"), ("https://flowport.example", "forged")):
        asked = replace(request(), call_chain=("wf-0",), public_url=public_url)
        await Execution(engine, document, asked, environment={}, sink=Nobody()).run()
        assert stub.asked[-1].headers["x-sim-via"] == told


async def asked_by_an_agent(kind: str, handler: BlockHandler, **arguments: Any) -> RunResult:
    """An agent whose model calls the block as its tool once."""
    (tool, _) = block_tools({kind: handler})[kind]
    model = Model(asks_for(ToolCall("c", tool.name, json.dumps(arguments))), says("done"))
    return await run_agent(model, blocks={kind: handler}, tools=[{"type": kind}])


async def test_a_path_parameter_is_not_looked_for_inside_another(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/u/:id/:id2/:idle"
    await asked_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"id": "1", "id2": "a/b", "i": "x"})
    assert stub.asked[0].target == "/u/1/a%2Fb/:idle"


async def test_a_tool_that_is_called_without_its_address_tells_the_model(outbound: OutboundClient) -> None:
    result = await asked_by_an_agent("webhook_request", WebhookHandler(outbound), body={})
    (called,) = result.output["toolCalls"]["list"]
    assert "url" in called["result"]["message"]
    assert "KeyError" not in called["result"]["message"]


async def test_a_short_url_that_names_a_long_value_often_is_not_filled_in(outbound: OutboundClient) -> None:
    url = "https://example.com/" + ":a/" * 15_000
    tracemalloc.start()
    result = await asked_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"a": "x" * 20_000})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (called,) = result.output["toolCalls"]["list"]
    assert called["result"]["message"] == "url must be a valid URL"
    assert peak < 50_000_000


async def test_a_url_has_so_many_parameters_and_no_more(outbound: OutboundClient) -> None:
    many = {f"p{number}": "x" for number in range(MAX_PATH_PARAMS + 1)}
    result = await asked_by_an_agent("api", ApiHandler(outbound), url="https://example.com/", pathParams=many)
    (called,) = result.output["toolCalls"]["list"]
    assert called["result"]["message"] == "More than 100 path parameters"


async def test_a_value_is_filled_in_as_it_is(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/:a"
    await asked_by_an_agent("api", ApiHandler(outbound), url=url, pathParams={"a": r"\1\g<0>"})
    assert stub.asked[0].target == "/%5C1%5Cg%3C0%3E"


async def test_the_fields_of_a_form_are_sent_as_one(stub: HttpStub, outbound: OutboundClient) -> None:
    url, form = f"http://localhost:{stub.port}/", {"a": "x y", "b": 1}
    await asked_by_an_agent("api", ApiHandler(outbound), url=url, method="POST", formData=form)
    assert stub.asked[0].body == "a=x+y&b=1"
    assert stub.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_no_model_makes_a_webhook_anything_but_a_post(stub: HttpStub, outbound: OutboundClient) -> None:
    url = f"http://localhost:{stub.port}/"
    await asked_by_an_agent("webhook_request", WebhookHandler(outbound), url=url, method="GET")
    assert stub.asked[0].method == "POST"


@pytest.mark.parametrize(
    "headers",
    [["x", {"cells": 5}, {"cells": {"Key": "X-A", "Value": "b"}}, None], {"X-A": "b", "X-None": None, "": "x"}, "x"],
)
async def test_what_is_no_row_of_a_table_is_none(stub: HttpStub, outbound: OutboundClient, headers: Any) -> None:
    tool = {"type": "api", "params": {"url": f"http://localhost:{stub.port}/", "headers": headers}}
    model = Model(asks_for(ToolCall("c", "http_request", "{}")), says("done"))
    await run_agent(model, blocks={"api": ApiHandler(outbound)}, tools=[tool])
    ours = {"host", "accept-encoding", "user-agent", "accept"}
    assert stub.asked[0].headers.keys() - ours == (set() if headers == "x" else {"x-a"})
