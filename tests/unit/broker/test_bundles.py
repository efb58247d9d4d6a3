"""Bundles: which messages leave together, and how many."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.support.broker_samples import batch

from shared.broker.bundles import (
    MAX_BYTES,
    MAX_PARTS,
    MAX_PENDING,
    MAX_WORKERS,
    Coalescer,
    Part,
    WorkerSlots,
    chunks,
    encode_bundle,
)
from shared.broker.message_bodies import decode_replies, encode_body
from shared.broker.ports import BrokerDisconnected
from shared.contracts.messages import MAX_BUNDLE_BYTES, Bundle, UnreadableMessage, decode, encode


def part(size: int = 1) -> Part:
    return Part(b"x" * size)


def all_together(parts: Sequence[Part]) -> list[Sequence[Part]]:
    return [parts]


async def next_turn() -> None:
    """Wait for what happens in the next event-loop turn; Python 3.11 starts its tasks one turn later."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Sent:
    """Records each send of a coalescer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Part]]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, key: str, parts: Sequence[Part]) -> None:
        self.calls.append((key, list(parts)))
        await self.go_on.wait()


async def test_messages_of_one_turn_leave_together_and_in_order() -> None:
    sent = Sent()
    coalescer = Coalescer(all_together, sent)
    one, two, other = part(), part(), part()
    coalescer.add("a", one)
    coalescer.add("b", other)
    coalescer.add("a", two)
    await next_turn()
    assert sent.calls == [("a", [one, two]), ("b", [other])]


async def test_messages_wait_for_the_answer_to_earlier_ones() -> None:
    sent = Sent()
    sent.go_on.clear()
    coalescer = Coalescer(all_together, sent)
    parts = [part() for _ in range(3)]
    for each in parts:
        coalescer.add("a", each)
        await next_turn()
    assert sent.calls == [("a", parts[:1])]
    sent.go_on.set()
    await asyncio.sleep(0.01)
    assert sent.calls == [("a", parts[:1]), ("a", parts[1:])]


async def test_a_failed_send_does_not_stop_later_ones() -> None:
    calls: list[list[Part]] = []

    async def send(key: str, parts: Sequence[Part]) -> None:
        calls.append(list(parts))
        if len(calls) == 1:
            raise ValueError("a defect")

    coalescer = Coalescer[str](all_together, send)
    one, two = part(), part()
    coalescer.add("a", one)
    await next_turn()
    coalescer.add("a", two)
    await next_turn()
    assert calls == [[one], [two]]


async def test_the_backlog_of_writes_is_bounded() -> None:
    sent = Sent()
    sent.go_on.clear()
    coalescer = Coalescer(all_together, sent)
    coalescer.add("a", part())
    await next_turn()
    for _ in range(MAX_PENDING):
        coalescer.add("a", part())
    with pytest.raises(BrokerDisconnected):
        coalescer.add("a", part())
    coalescer.add("b", part())
    sent.go_on.set()
    await asyncio.sleep(0.01)
    assert sum(len(parts) for _, parts in sent.calls) == MAX_PENDING + 2


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ([1] * 5, 2, [2, 2, 1]),
        ([MAX_BYTES // 2] * 3, 64, [2, 1]),
        ([1, 2 * MAX_BYTES, 1], 64, [1, 1, 1]),
        ([], 64, []),
    ],
)
async def test_a_bundle_is_bounded_in_count_and_bytes(sizes: list[int], limit: int, expected: list[int]) -> None:
    assert [len(chunk) for chunk in chunks([part(size) for size in sizes], limit)] == expected


async def test_a_bundle_has_one_reply_of_a_run_so_that_the_bound_of_a_queue_holds_for_each_run() -> None:
    parts = [Part(b"x", run_id) for run_id in ("a", "b", "a", "b", "b")]
    assert [[part.run_id for part in chunk] for chunk in chunks(parts, 64)] == [["a", "b"], ["a", "b"], ["b"]]


async def test_nothing_is_bundled_before_a_worker_replied_or_once_bundles_were_refused() -> None:
    slots = WorkerSlots()
    assert slots.allot(10).total == 0
    slots.report("one", 100)
    assert slots.allot(10).total == 10
    slots.forget()
    assert slots.allot(10).total == 0


async def test_each_worker_gets_an_even_share_up_to_the_largest_free_capacity() -> None:
    slots = WorkerSlots()
    slots.report("one", 100)
    slots.report("two", 100)
    assert (slots.allot(12).size, slots.allot(12).total) == (6, 12)
    slots.report("one", 100)
    slots.report("two", 3)
    assert (allotted := slots.allot(12)).size == 3
    assert allotted.total == 6


async def test_sent_messages_count_as_taken_until_the_worker_reports_again() -> None:
    slots = WorkerSlots()
    slots.report("one", 10)
    assert slots.allot(7).total == 7
    assert slots.allot(7).total == 3
    assert slots.allot(7).total == 0
    slots.report("one", 10)
    assert slots.allot(7).total == 7


async def test_worker_reports_take_bounded_memory() -> None:
    slots = WorkerSlots()
    slots.report("x" * 1_000, 10)
    assert slots.allot(7).total == 0
    for number in range(2 * MAX_WORKERS):
        slots.report(str(number), 10)
    assert slots.allot(2 * MAX_WORKERS).total == 2 * MAX_WORKERS


async def test_a_bundle_never_has_more_than_its_bound() -> None:
    slots = WorkerSlots()
    slots.report("one", 10_000)
    assert slots.allot(1_000).size == MAX_PARTS


async def test_one_unreadable_batch_leaves_its_neighbors_readable() -> None:
    good = [encode_body(batch(number)) for number in range(2)]
    body = encode_bundle([Part(good[0]), Part(b'{"v":9}'), Part(encode(Bundle(()))), Part(good[1])], worker="w", free=7)
    replies = decode_replies(body)
    assert replies.batches == [batch(0), batch(1)]
    assert len(replies.unreadable) == 2
    assert (replies.worker, replies.free) == ("w", 7)


async def test_a_message_in_a_bundle_is_as_it_would_be_alone() -> None:
    body = encode_body(batch(), traceparent="00-1-2-01")
    bundle = decode(encode_bundle([Part(body), Part(body)])).message
    assert isinstance(bundle, Bundle)
    assert [bytes(content) for content in bundle.parts] == [body, body]
    assert decode(bytes(bundle.parts[0])).traceparent == "00-1-2-01"


async def test_a_body_over_the_bound_of_bundles_is_read_as_a_single_message() -> None:
    large = encode_body(batch(text="x" * MAX_BUNDLE_BYTES))
    assert decode(large).message == batch(text="x" * MAX_BUNDLE_BYTES)
    full = encode_bundle(
        [Part(b"x" * (MAX_BYTES // MAX_PARTS)) for _ in range(MAX_PARTS)], redelivered=True, worker="w" * 32
    )
    assert len(full) <= MAX_BUNDLE_BYTES
    with pytest.raises(UnreadableMessage):
        decode(b'{"v":1,"message":{"type":"bundle","parts":[' + b"1," * MAX_BUNDLE_BYTES + b"1]}}")
