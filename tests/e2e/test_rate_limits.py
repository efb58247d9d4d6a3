"""One limit, two gateways, 64 callers: what gets in is what the rule says, to within one percent."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import settings
from pymongo import AsyncMongoClient
from tests.e2e.keys import key_with_limit
from tests.support.measured import Tell
from tests.support.public_door import PublicDoor
from tests.support.workflow_files import START, function, start, workflow

from flowport.stack import Stack
from gateway.adapters.bucket_store import BUCKETS
from shared.service import ServiceName

WINDOW_SECONDS = 2
"""As the stack has it."""
PER_WINDOW = 20
"""600 a minute."""
SECONDS = 180 if settings().max_examples > 1_000 else 7
CALLERS = 64
METRIC = "flowport_gateway_rate_unchecked_total "


@pytest.fixture
def gateways(stack: Stack) -> Iterator[list[str]]:
    """The addresses of two gateways."""
    stack.scale(ServiceName.GATEWAY, 2)
    yield [stack.url, stack.url_of("gateway-2")]
    stack.scale(ServiceName.GATEWAY, 1)


class Counted:
    """What came of all calls."""

    def __init__(self) -> None:
        self.let_in = 0
        self.refused = 0
        self.other: list[int] = []
        self.remaining: list[int] = []


async def call_until(deadline: float, url: str, key: str, workflow_id: str, counted: Counted) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=30) as http:
        while time.monotonic() < deadline:
            answer = await http.post(f"/api/workflows/{workflow_id}/execute", json={})
            if answer.status_code == 200:
                counted.let_in += 1
                counted.remaining.append(int(answer.headers["x-ratelimit-remaining"]))
            elif answer.status_code == 429:
                counted.refused += 1
                assert 1 <= int(answer.headers["retry-after"]) <= WINDOW_SECONDS
                await asyncio.sleep(0.1)
            else:
                counted.other.append(answer.status_code)


async def call_until_refused(url: str, key: str, workflow_id: str) -> None:
    """From then on the bucket holds what the windows add, and nothing that was saved up."""
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=30) as http:
        while (await http.post(f"/api/workflows/{workflow_id}/execute", json={})).status_code != 429:
            pass


async def bucket_of_keys(stack: Stack) -> Any:
    """The bucket of the one key that has a limit of its own, as the store keeps it."""
    async with AsyncMongoClient[dict[str, Any]](stack.mongodb_uri) as store:
        return await store["flowport_gateway"][BUCKETS].find_one({"_id": {"$regex": "^key:.*:sync$"}})


async def calls_unchecked(gateways: list[str]) -> float:
    """Calls that got in though no bucket was asked."""
    async with httpx.AsyncClient(timeout=30) as http:
        texts = [(await http.get(f"{url}/metrics")).raise_for_status().text for url in gateways]
    return sum(
        float(line.rpartition(" ")[2]) for text in texts for line in text.splitlines() if line.startswith(METRIC)
    )


async def test_two_gateways_let_in_what_the_rule_says(
    stack: Stack, door: PublicDoor, gateways: list[str], measured: Tell
) -> None:
    workflow_id = await door.publish(workflow("Nothing", [start(), function("f1", "return 1")], (START, "f1")))
    key, counted = await key_with_limit(stack, door, PER_WINDOW), Counted()
    unchecked = await calls_unchecked(gateways)
    await call_until_refused(gateways[0], key, workflow_id)
    began, first = time.monotonic(), await bucket_of_keys(stack)
    calls = [call_until(began + SECONDS, gateways[n % 2], key, workflow_id, counted) for n in range(CALLERS)]
    await asyncio.gather(*calls)
    ended, last = time.monotonic(), await bucket_of_keys(stack)
    windows = (last["turned_ms"] - first["turned_ms"]) // (1000 * WINDOW_SECONDS)
    assert 1 <= windows <= (ended - began) / WINDOW_SECONDS + 1
    rule = windows * PER_WINDOW
    beyond = counted.let_in + last["tokens"] - rule
    measured(
        f"{CALLERS} callers of two gateways, {ended - began:.0f} s: {counted.let_in} let in, {last['tokens']} left,"
        f" {rule} by the rule ({beyond / rule:+.2%}), {counted.refused} refused"
    )
    assert first["tokens"] == 0
    assert abs(beyond) <= max(1, rule // 100)
    assert await calls_unchecked(gateways) == unchecked
    assert counted.other == []
    assert counted.refused > counted.let_in
    assert max(counted.remaining) < 2 * PER_WINDOW
    assert min(counted.remaining) == 0
