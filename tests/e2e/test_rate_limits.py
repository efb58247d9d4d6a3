"""One limit, two gateways, 64 callers: what gets in is what the rule says, to within one percent."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import settings
from tests.e2e.keys import key_with_limit
from tests.support.public_door import PublicDoor
from tests.support.workflow_files import START, function, start, workflow

from flowport.stack import Stack
from shared.service import ServiceName

WINDOW_SECONDS = 2
"""As the stack has it."""
PER_WINDOW = 20
"""600 a minute."""
SECONDS = 180 if settings().max_examples > 1_000 else 7
CALLERS = 64


@pytest.fixture
def gateways(stack: Stack) -> Iterator[list[str]]:
    """The addresses of two gateways."""
    stack.scale(ServiceName.GATEWAY, 2)
    yield [stack.url, stack.url_of("gateway-2")]
    stack.scale(ServiceName.GATEWAY, 1)


class Counted:
    """What came of all calls."""

    def __init__(self) -> None:
        self.first = 0.0
        self.let_in = 0
        self.refused = 0
        self.other: list[int] = []
        self.remaining: list[int] = []


async def call_until(deadline: float, url: str, key: str, workflow_id: str, counted: Counted) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=30) as http:
        while time.monotonic() < deadline:
            answer = await http.post(f"/api/workflows/{workflow_id}/execute", json={})
            if answer.status_code == 200:
                counted.first = counted.first or time.monotonic()
                counted.let_in += 1
                counted.remaining.append(int(answer.headers["x-ratelimit-remaining"]))
            elif answer.status_code == 429:
                counted.refused += 1
                assert 1 <= int(answer.headers["retry-after"]) <= WINDOW_SECONDS
                await asyncio.sleep(0.1)
            else:
                counted.other.append(answer.status_code)


async def test_two_gateways_let_in_what_the_rule_says(stack: Stack, door: PublicDoor, gateways: list[str]) -> None:
    workflow_id = await door.publish(workflow("Nothing", [start(), function("f1", "return 1")], (START, "f1")))
    key, counted = await key_with_limit(stack, door, PER_WINDOW), Counted()
    began = time.monotonic()
    calls = [call_until(began + SECONDS, gateways[n % 2], key, workflow_id, counted) for n in range(CALLERS)]
    await asyncio.gather(*calls)
    ended = time.monotonic()
    # The bucket's first window began between our first call and its answer.
    windows = round((counted.let_in - 2 * PER_WINDOW) / PER_WINDOW)
    assert int((began + SECONDS - counted.first) / WINDOW_SECONDS) <= windows <= int((ended - began) / WINDOW_SECONDS)
    rule = 2 * PER_WINDOW + windows * PER_WINDOW
    assert abs(counted.let_in - rule) <= max(1, rule // 100)
    assert counted.other == []
    assert counted.refused > counted.let_in
    assert max(counted.remaining) < 2 * PER_WINDOW
    assert min(counted.remaining) == 0
