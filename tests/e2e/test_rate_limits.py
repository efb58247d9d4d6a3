"""One limit, two gateways, 64 callers: the number of admitted calls follows the rule, to within one percent.

The rule counts windows of the store's clock, which may step. So the test reads the bucket's completed windows from the
bucket itself, more often than they complete.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

import httpx2
import pytest
from hypothesis import settings
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from tests.support.keys import key_with_limit
from tests.support.measured import Tell
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, function, start, workflow

from flowport.local.stack import Stack
from gateway.access.rate_limits import BUCKETS
from shared.service import ServiceName

Buckets: TypeAlias = AsyncCollection[dict[str, Any]]

WINDOW_SECONDS = 2
"""Default of the stack."""
PER_WINDOW = 20
"""600 a minute."""
BURST = 2 * PER_WINDOW
LOOK_SECONDS = 0.1
"""Interval of polling the bucket."""
WINDOWS = 90 if settings().max_examples > 1_000 else 3
"""Windows of the observation: counted, since a busy machine may take seconds until it makes the first call."""
PATIENCE_SECONDS = 60 + 2 * WINDOWS * WINDOW_SECONDS
CALLERS = 64
REFUSED_SECONDS = 0.4
"""Pause of a refused caller. Even so, they call more than ten times as often as the rule lets them."""
METRIC = "flowport_gateway_rate_unchecked_total "


@pytest.fixture
def gateways(stack: Stack) -> Iterator[list[str]]:
    """The addresses of two gateways."""
    stack.scale(ServiceName.GATEWAY, 2)
    yield [stack.url, stack.url_of("gateway-2")]
    stack.scale(ServiceName.GATEWAY, 1)


class Counted:
    """Results of all calls."""

    def __init__(self) -> None:
        self.allowed = 0
        self.refused = 0
        self.other: list[int] = []
        self.remaining: list[int] = []


class Turns:
    """Windows of a bucket that completed during the observation."""

    def __init__(self, turned_ms: int) -> None:
        self.windows = 0
        """Windows that completed as time passed."""
        self.tokens = 0
        """Tokens that the rule adds to an empty bucket, those of jumps included."""
        self.uncertain = 0
        """Tokens of windows that ended at a step back: the bucket does not show whether one did."""
        self._turned_ms = turned_ms
        self._looked_at = time.monotonic()

    def look(self, turned_ms: int) -> None:
        """Count the windows since the last poll.

        A clock that is set back adds the window that the gateway saw end, if it did. One that jumps ahead adds the
        windows that it skips, up to a full bucket.
        """
        passed_ms, now = turned_ms - self._turned_ms, time.monotonic()
        windows = passed_ms // (1000 * WINDOW_SECONDS)
        if passed_ms > 0 and windows <= (now - self._looked_at) / WINDOW_SECONDS + 1:
            self.windows += windows
            self.tokens += windows * PER_WINDOW
        elif passed_ms > 0:
            self.tokens += min(BURST, windows * PER_WINDOW)
        elif passed_ms < 0:
            self.uncertain += PER_WINDOW
        self._turned_ms, self._looked_at = turned_ms, now


@asynccontextmanager
async def callers_of(gateways: list[str], key: str) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """One client of each gateway, which all its callers share: to make one takes 25 ms."""
    limits = httpx2.Limits(max_connections=CALLERS)
    async with AsyncExitStack() as stack:
        clients = [
            httpx2.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=30, limits=limits) for url in gateways
        ]
        yield [await stack.enter_async_context(client) for client in clients]


async def call_until(is_over: asyncio.Event, http: httpx2.AsyncClient, path: str, counted: Counted) -> None:
    while not is_over.is_set():
        answer = await http.post(path, json={})
        if answer.status_code == 200:
            counted.allowed += 1
            counted.remaining.append(int(answer.headers["x-ratelimit-remaining"]))
        elif answer.status_code == 429:
            counted.refused += 1
            assert 1 <= int(answer.headers["retry-after"]) <= WINDOW_SECONDS
            await asyncio.sleep(REFUSED_SECONDS)
        else:
            counted.other.append(answer.status_code)


async def call_until_refused(http: httpx2.AsyncClient, path: str) -> None:
    """Empty the bucket: from then on it holds only what the windows add."""
    while (await http.post(path, json={})).status_code != 429:
        pass


@pytest.fixture
async def buckets(stack: Stack) -> AsyncIterator[Buckets]:
    """The buckets of all gateways, in the store."""
    async with AsyncMongoClient[dict[str, Any]](stack.mongodb_uri) as store:
        yield store["flowport_gateway"][BUCKETS]


async def bucket_of_key(buckets: Buckets) -> dict[str, Any]:
    """Return the bucket of the one key with this limit: other tests of the stack leave other buckets behind."""
    found = await buckets.find_one({"_id": {"$regex": f"^key:.*:{PER_WINDOW}:sync$"}})
    assert found is not None
    return found


async def watch(buckets: Buckets, turns: Turns, is_over: asyncio.Event) -> None:
    """Poll the bucket until WINDOWS have completed."""
    while turns.windows < WINDOWS:
        await asyncio.sleep(LOOK_SECONDS)
        turns.look((await bucket_of_key(buckets))["turned_ms"])
    is_over.set()


async def calls_unchecked(gateways: list[str]) -> float:
    """Return the number of calls that passed without a check of a bucket."""
    async with httpx2.AsyncClient(timeout=30) as http:
        texts = [(await http.get(f"{url}/metrics")).raise_for_status().text for url in gateways]
    return sum(
        float(line.rpartition(" ")[2]) for text in texts for line in text.splitlines() if line.startswith(METRIC)
    )


async def test_two_gateways_together_admit_calls_by_the_rule(
    stack: Stack, api: PublicApi, gateways: list[str], buckets: Buckets, measured: Tell
) -> None:
    workflow_id = await api.publish(workflow("Nothing", [start(), function("f1", "return 1")], (START, "f1")))
    path, counted, is_over = f"/api/workflows/{workflow_id}/execute", Counted(), asyncio.Event()
    key = await key_with_limit(stack, api, PER_WINDOW)
    unchecked = await calls_unchecked(gateways)
    async with callers_of(gateways, key) as clients:
        await call_until_refused(clients[0], path)
        began, first = time.monotonic(), await bucket_of_key(buckets)
        turns = Turns(first["turned_ms"])
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(buckets, turns, is_over))
            for number in range(CALLERS):
                tasks.create_task(call_until(is_over, clients[number % 2], path, counted))
        ended, last = time.monotonic(), await bucket_of_key(buckets)
    turns.look(last["turned_ms"])
    assert WINDOWS <= turns.windows <= (ended - began) / WINDOW_SECONDS + 1
    rule = turns.tokens
    beyond = counted.allowed + last["tokens"] - rule
    measured(
        f"{CALLERS} callers of two gateways, {ended - began:.0f} s: {counted.allowed} allowed, {last['tokens']} left,"
        f" {rule} by the rule ({beyond / rule:+.2%}), {counted.refused} refused"
    )
    assert first["tokens"] == 0
    tolerance = max(1, rule // 100)
    assert -tolerance <= beyond <= tolerance + turns.uncertain
    assert await calls_unchecked(gateways) == unchecked
    assert counted.other == []
    assert counted.refused > counted.allowed
    assert max(counted.remaining) < 2 * PER_WINDOW
    assert min(counted.remaining) == 0
