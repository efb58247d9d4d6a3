"""HTTP blocks report their exact request and response."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.support.blocks.http_calls import Api, table
from tests.support.blocks.runs import INPUT, NullSink, engine_of, failure, request, run, run_block
from tests.support.http_stub import Answer, HttpStub
from tests.support.raw_http import answer, raw_server, saying
from tests.support.workflow_states import block, chain

from executor_service.blocks.http import ApiHandler
from executor_service.engine import Execution
from shared.net import OutboundClient, OutboundRequest, OutboundResponse
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.validate.unsupported_settings import NO_PROXY


async def test_an_answer_is_data_status_and_headers(api: Api) -> None:
    assert (await api()).output == {
        "data": {"path": "/x", "method": "GET", "body": ""},
        "status": 200,
        "headers": {"content-type": "application/json"},
    }


async def test_query_rows_are_percent_encoded_and_appended(api: Api, stub: HttpStub) -> None:
    await api("/x?a=1#part", {"input": "a b&c"}, params=table(q="<start.input>", **{"": "skipped"}))
    assert stub.requests[0].target == "/x?a=1&q=a%20b%26c"


async def test_the_authors_headers_go_before_the_usual_ones(api: Api, stub: HttpStub) -> None:
    await api(headers=table(Accept="text/plain", **{"X-Test": "v"}))
    headers = stub.requests[0].headers
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
    assert (stub.requests[0].body, stub.requests[0].headers["content-type"]) == (sent, content_type)


async def test_an_object_is_sent_as_a_form_if_the_header_requests_it(api: Api, stub: HttpStub) -> None:
    form = table(**{"Content-Type": "application/x-www-form-urlencoded"})
    await api(method="POST", body='{"a": "x y", "b": {"c": 1}}', headers=form)
    assert stub.requests[0].body == "a=x+y&b=%7B%22c%22%3A1%7D"


async def test_values_in_a_body_are_encoded_as_json_if_configured(api: Api, stub: HttpStub) -> None:
    given = {"input": 'say "hi"\n'}
    await api(method="POST", given=given, body='{"a": "<start.input>", "b": <start.input>}', escapeValues="true")
    assert json.loads(stub.requests[0].body) == {"a": 'say "hi"\n', "b": 'say "hi"\n'}


@pytest.mark.parametrize("method", ["GET", "head"])
async def test_a_get_has_no_body(api: Api, stub: HttpStub, method: str) -> None:
    await api(method=method, body='{"a": 1}')
    assert stub.requests[0].body == ""


@pytest.mark.parametrize(
    ("answer", "expected"),
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
async def test_an_unsuccessful_answer_fails_with_the_servers_text(
    api: Api, stub: HttpStub, answer: Answer, expected: str
) -> None:
    stub.answer(answer)
    message = failure(await api())
    assert message.startswith(f"B: HTTP Request failed: URL: http://localhost:{stub.port}/x | Method: GET | {expected}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.com/x", "url must use https:// protocol"),
        ("not a url", "url must be a valid URL"),
        ("https://169.254.169.254/latest", "url cannot point to private IP addresses"),
        ("https://93.184.216.34:6379/", "url uses a blocked port"),
    ],
)
async def test_forbidden_addresses_are_refused(url: str, message: str) -> None:
    outbound = OutboundClient()
    assert failure(await run_block("api", ApiHandler(outbound), None, url=url)) == f"B: {message}"
    await outbound.stop()


async def test_a_failure_contains_no_query(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(404))
    message = failure(await api("/x", {"input": "key=1"}, params=table(q="<start.input>")))
    assert f"URL: http://localhost:{stub.port}/x?… | Method" in message


async def test_a_failure_contains_no_password(outbound: OutboundClient, stub: HttpStub) -> None:
    stub.answer(Answer(401))
    url = f"http://jo:p@ss@localhost:{stub.port}/x//@home"
    message = failure(await run_block("api", ApiHandler(outbound), {}, url=url))
    assert f"URL: http://localhost:{stub.port}/x//@home | Method" in message


async def test_an_answer_that_is_neither_success_nor_a_way_on_is_a_failure(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(304))
    assert "Status: 304" in failure(await api())


@pytest.mark.parametrize(
    ("allowed", "left_ms", "seconds"),
    [(None, 900_000, 300), ("2000", 900_000, 2), ("700000", 900_000, 600), ("0", 900_000, 300), ("9000", 5_000, 6)],
)
async def test_a_call_runs_for_its_workspace_within_the_remaining_time(
    allowed: str | None, left_ms: int, seconds: float
) -> None:
    sent: list[OutboundRequest] = []

    class RecordingClient(OutboundClient):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            sent.append(request)
            return OutboundResponse(200, "OK", request.url, {}, b"")

    settings: Any = {"url": "https://example.com/", "timeout": allowed}
    document = chain(INPUT, block("b", "api", "B", settings=settings))
    await run(document, engine_of({"api": ApiHandler(RecordingClient())}), time_limit_ms=left_ms)
    assert [(each.timeout_seconds, each.workspace_id) for each in sent] == [(seconds, "w1")]


async def test_a_call_that_is_to_take_a_proxy_is_refused_as_deploy_would(api: Api, stub: HttpStub) -> None:
    assert failure(await api(proxyUrl="http://proxy.example")) == f"B: {NO_PROXY}"
    assert stub.requests == []


async def test_a_blank_url_sends_nothing(outbound: OutboundClient) -> None:
    assert (await run_block("api", ApiHandler(outbound), {}, url="<start.conversationId>")).output == {
        "data": None,
        "status": 200,
        "headers": {},
    }


async def test_an_empty_answer_is_empty_for_any_type(api: Api, stub: HttpStub) -> None:
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


async def test_a_wrapper_with_invalid_headers_has_none(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(200, json.dumps({"success": True, "data": 1, "status": 201, "headers": "x"})))
    assert (await api()).output == {"data": 1, "status": 201, "headers": {}}


@pytest.mark.parametrize(("status", "phrase"), [("404 ", "Not Found"), ("799 ", "HTTP 799")])
async def test_a_status_without_a_reason_gets_the_standard_one(
    outbound: OutboundClient, status: str, phrase: str
) -> None:
    async with raw_server(saying(answer(status))) as server:
        message = failure(await run_block("api", ApiHandler(outbound), {}, url=server.url))
    assert f"Error: {phrase} | Status: {status.strip()} | Status text: {phrase}" in message


@pytest.mark.parametrize("wrapper", [{"data": 1, "status": 200}, {"success": True, "data": 1}])
async def test_an_answer_of_the_servers_own_is_left_alone(api: Api, stub: HttpStub, wrapper: Any) -> None:
    stub.answer(Answer(200, json.dumps(wrapper)))
    assert (await api()).output["data"] == wrapper


async def test_a_call_to_our_own_api_carries_the_chain_of_workflows(stub: HttpStub, outbound: OutboundClient) -> None:
    ours = f"http://localhost:{stub.port}"
    settings: dict[str, Any] = {
        "url": f"{ours}/api/workflows/wf-2/execute",
        "headers": table(**{"x-sim-via": "forged", "X-Sim-Via": "forged"}),
    }
    document = compile_workflow(chain(INPUT, block("b", "api", "B", settings=settings)))
    engine = engine_of({"api": ApiHandler(outbound)})
    for public_url, expected in ((ours, "wf-0,wf-1"), ("https://flowport.example", "forged")):
        run_request = replace(request(call_chain=("wf-0",)), public_url=public_url)
        await Execution(engine, document, run_request, environment={}, sink=NullSink()).run()
        assert stub.requests[-1].headers["x-sim-via"] == expected
