"""Retries of HTTP blocks: for which failures, how often, and after which pause."""

import asyncio
from typing import Any

import pytest
from tests.support.blocks.http_calls import Api
from tests.support.blocks.runs import INPUT, engine_of, failure, run, run_block
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.http_stub import Answer, HttpStub
from tests.support.workflow_states import block, chain

from executor_service.blocks.http import MAX_RETRIES, ApiHandler, RetryPolicy
from shared.net import OutboundClient


async def test_a_slow_server_is_given_up_after_the_blocks_own_time(api: Api, stub: HttpStub) -> None:
    assert failure(await api("/slow", timeout=50)).endswith("| Method: GET | Error: Request timed out after 50ms")


async def test_a_forbidden_address_is_not_retried(outbound: OutboundClient) -> None:
    settings: Any = {"url": "https://169.254.169.254/", "retries": 3, "retryDelayMs": 30_000}
    refused = await asyncio.wait_for(run_block("api", ApiHandler(outbound), None, **settings), PATIENCE_SECONDS)
    assert failure(refused) == "B: url cannot point to private IP addresses"


async def test_a_block_with_a_forbidden_address_is_not_retried(outbound: OutboundClient) -> None:
    document: Any = chain(INPUT, block("b", "api", "B", settings={"url": "https://169.254.169.254/"}))
    document["blocks"]["b"]["retry"] = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 0}
    result = await run(document, engine_of({"api": ApiHandler(outbound)}))
    assert result.blocks[-1].tries is None


async def test_a_call_is_retried_up_to_the_limit(api: Api, stub: HttpStub) -> None:
    stub.answer(*[Answer(500, "{}")] * 20)
    failure(await api(retries=50, retryDelayMs=0))
    assert len(stub.requests) == MAX_RETRIES + 1


def test_the_pause_between_two_tries_doubles_up_to_its_bound() -> None:
    plan = RetryPolicy.of({"retries": 9, "retryDelayMs": 100, "retryMaxDelayMs": 300}, "GET")
    pauses = [plan.backoff_ms(attempt) for attempt in range(9)]
    assert 100 <= pauses[0] <= 110
    assert 200 <= pauses[1] <= 220
    assert all(300 <= pause <= 330 for pause in pauses[2:])


@pytest.mark.parametrize("given", [-1, "", None])
def test_an_invalid_pause_is_replaced_by_the_default(given: Any) -> None:
    assert RetryPolicy.of({"retryDelayMs": given, "retryMaxDelayMs": given}, "GET") == RetryPolicy(0, 500, 30_000)


async def test_a_transient_failure_is_retried(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(500, "{}"), Answer(429, "{}", {"retry-after": "0"}), Answer(200, '{"ok": 1}'))
    assert (await api(retries=2, retryDelayMs=1)).output["data"] == {"ok": 1}


@pytest.mark.parametrize(
    ("settings", "tries"),
    [
        ({"method": "POST", "retries": 2}, 1),
        ({"method": "POST", "retries": 2, "retryNonIdempotent": True}, 3),
        ({"method": "POST", "retries": 2, "retryNonIdempotent": "false"}, 1),
        ({"method": "PUT", "retries": "1"}, 2),
        ({"method": "GET"}, 1),
    ],
)
async def test_only_what_may_be_repeated_is(api: Api, stub: HttpStub, settings: dict[str, Any], tries: int) -> None:
    stub.answer(Answer(500, "{}"))
    await api(retryDelayMs=1, **settings)
    assert len(stub.requests) == tries


async def test_an_unresponsive_server_is_retried_and_its_last_failure_reported(api: Api, stub: HttpStub) -> None:
    result = await api("/slow", timeout=300, retries=1, retryDelayMs=1)
    assert failure(result).endswith("Error: Request timed out after 300ms")
    assert len(stub.requests) == 2


async def test_a_permanent_refusal_is_not_retried(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(404, "{}"))
    await api(retries=3, retryDelayMs=1)
    assert len(stub.requests) == 1


async def test_a_server_that_demands_a_longer_pause_than_allowed_is_not_retried(api: Api, stub: HttpStub) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": "3600"}))
    await api(retries=3, retryDelayMs=1, retryMaxDelayMs=10)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("pause", ["9" * 400, "9" * 5_000])
async def test_a_pause_without_end_is_longer_than_allowed(api: Api, stub: HttpStub, pause: str) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": pause}))
    assert "Status: 429" in failure(await api(retries=3, retryDelayMs=1))
    assert len(stub.requests) == 1


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
async def test_an_unreadable_pause_breaks_nothing(api: Api, stub: HttpStub, pause: str) -> None:
    stub.answer(Answer(429, "{}", {"retry-after": pause}))
    assert "Status: 429" in failure(await api(retries=1, retryDelayMs=1))
