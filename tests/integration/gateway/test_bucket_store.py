"""Token buckets in a real store."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.secantus import SecantusServer

from gateway.access.models import RateLimited
from gateway.access.plans import Rate
from gateway.access.rate_limits import BUCKET_INDEXES as INDEXES
from gateway.access.rate_limits import BUCKETS, BucketStore, ObservedWindow, RateLimiter, Tokens
from gateway.access.rate_limits import STORE_SECONDS as TIMEOUT_SECONDS
from shared.clock import SystemClock
from shared.errors import Unavailable
from shared.store.client import Store
from shared.store.find_and_modify import NOTES
from shared.store.products import MONGODB, Product

RATE = Rate(60, 60.0)


@pytest.fixture(params=["as found", MONGODB])
async def store(mongodb_uri: str, mongodb_prefix: str, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store as it is, and one that is treated as MongoDB: both statements work on every store."""
    store = Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES)
    await store.start()
    if request.param == MONGODB:
        store.product = Product(MONGODB, "8.0.4")
    yield store
    await store.stop()


async def take(
    buckets: BucketStore, needed: int, *, spare: int = 0, returned: int = 0, observed: ObservedWindow | None = None
) -> Tokens:
    return await buckets.take("b", RATE, needed=needed, spare=spare, returned=returned, observed=observed)


async def peek(buckets: BucketStore, observed: ObservedWindow | None = None) -> Tokens:
    return await buckets.peek("b", RATE, observed)


async def set_clock_back(store: Store, windows: int) -> int:
    """Move the bucket ahead, as if the store's clock had been set back. Return the start of its window."""
    await let_pass(store, -windows)
    bucket = await store.collection(BUCKETS).find_one({"_id": "b"})
    assert bucket is not None
    return int(bucket["turned_ms"])


async def let_pass(store: Store, windows: int) -> None:
    """Turn the bucket's clock back, as if it had last been filled so much earlier."""
    earlier = {"turned_ms": -windows * round(RATE.window_seconds * 1000)}
    await store.collection(BUCKETS).update_one({"_id": "b"}, {"$inc": earlier})


async def test_a_new_bucket_is_full_and_grants_its_tokens(store: Store) -> None:
    buckets = BucketStore(store)
    first = await take(buckets, 100)
    assert (first.granted, first.left) == (100, 20)
    assert 59 < first.resets_in <= 60
    last = await take(buckets, 100)
    assert (last.granted, last.left) == (20, 0)
    assert (await take(buckets, 1)).granted == 0


async def test_spare_tokens_get_fewer_as_the_bucket_empties(store: Store) -> None:
    buckets = BucketStore(store)
    assert (await take(buckets, 1, spare=10)).granted == 11
    assert (await take(buckets, 93)).left == 16
    assert (await take(buckets, 1, spare=10)).granted == 3
    assert (await take(buckets, 8)).left == 5
    assert (await take(buckets, 1, spare=10)).granted == 1


async def test_returned_tokens_are_available_to_others_up_to_a_full_bucket(store: Store) -> None:
    buckets = BucketStore(store)
    await take(buckets, 120)
    assert (await take(buckets, 1, returned=5)).left == 4
    assert (await take(buckets, 1, returned=1000)).left == 119


async def test_a_bucket_stays_small_however_often_it_is_taken_from(store: Store) -> None:
    """On MongoDB its document has no notes; on SecantusDB, those that no gateway has fetched."""
    gateways = [BucketStore(store) for _ in range(3)]
    for _ in range(5):
        assert [grant.granted for grant in await asyncio.gather(*(take(each, 1) for each in gateways))] == [1, 1, 1]
    document = await store.collection(BUCKETS).find_one({"_id": "b"})
    assert document is not None
    assert len(document.get(NOTES, ())) == (0 if store.is_mongodb else len(gateways))


async def test_a_look_takes_nothing(store: Store) -> None:
    buckets = BucketStore(store)
    assert (await peek(buckets)).left == 120
    await take(buckets, 20)
    assert (await peek(buckets)).left == 100


async def test_each_window_that_passed_fills_it_up_to_twice_the_rate(store: Store) -> None:
    buckets = BucketStore(store)
    assert (await take(buckets, 200)).granted == 120
    await let_pass(store, 1)
    assert (await peek(buckets)).left == 60
    await let_pass(store, 2)
    assert (await take(buckets, 200)).granted == 120


async def test_a_clock_set_back_neither_admits_unchecked_calls_nor_blocks_callers(store: Store) -> None:
    buckets = BucketStore(store)
    assert (await take(buckets, 100)).left == 20
    await set_clock_back(store, 60)
    assert (await peek(buckets)).left == 20
    last = await take(buckets, 100)
    assert (last.granted, last.left) == (20, 0)
    assert 59 < last.resets_in <= 60
    await let_pass(store, 1)
    assert (await take(buckets, 100)).granted == 60


async def test_a_window_that_a_gateway_observed_ends_in_time_after_the_clock_went_back(store: Store) -> None:
    buckets = BucketStore(store)
    assert (await take(buckets, 120)).left == 0
    began_ms = await set_clock_back(store, 60)
    early = await peek(buckets, ObservedWindow(began_ms, 40.0))
    assert early.left == 0
    assert 19 < early.resets_in <= 20
    over = await take(buckets, 200, observed=ObservedWindow(began_ms, 61.0))
    assert over.granted == 60
    assert 58 < over.resets_in <= 59


async def test_an_observed_window_ends_once_and_never_early(store: Store) -> None:
    buckets = BucketStore(store)
    first = await take(buckets, 120)
    observed = ObservedWindow(first.began_ms, 61.0)
    assert (await take(buckets, 200, observed=observed)).granted == 60
    assert (await take(buckets, 1, observed=observed)).granted == 0
    later = await take(buckets, 1, observed=ObservedWindow(first.began_ms + 1, 120.0))
    assert later.granted == 0


async def test_gateways_share_a_bucket_while_they_are_upgraded(store: Store) -> None:
    """An earlier version leaves notes on MongoDB, too."""
    current = store.product
    store.product = None
    assert (await take(BucketStore(store), 100)).left == 20
    store.product = current
    assert (await take(BucketStore(store), 15)).left == 5
    store.product = None
    assert (await take(BucketStore(store), 15)).granted == 5


async def test_concurrent_gateways_get_no_token_twice(mongodb_uri: str, mongodb_prefix: str) -> None:
    stores = [Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES) for _ in range(2)]
    limiters = [RateLimiter(BucketStore(store), SystemClock()) for store in stores]
    allow_all = 0

    async def call_many(limiter: RateLimiter) -> None:
        nonlocal allow_all
        for _ in range(20):
            try:
                await limiter.take("b", Rate(100, 60.0))
                allow_all += 1
            except RateLimited:
                pass

    await asyncio.gather(*(store.start() for store in stores))
    await asyncio.gather(*(call_many(limiter) for limiter in limiters for _ in range(16)))
    assert 198 <= allow_all <= 200
    await asyncio.gather(*(store.stop() for store in stores))


async def test_an_unavailable_store_times_out(private_secantus: SecantusServer) -> None:
    store = Store(private_secantus.uri, "test_gateway", INDEXES)
    await store.start()
    private_secantus.kill()
    with pytest.raises(Unavailable):
        async with asyncio.timeout(2 * TIMEOUT_SECONDS):
            await take(BucketStore(store), 1)
    await store.stop()
