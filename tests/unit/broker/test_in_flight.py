"""Deliveries in progress: never more than the limit, each settled once, all released at the end."""

import asyncio

from tests.support.broker_samples import Holder, dispatched
from tests.support.eventually import eventually

from shared.broker.in_flight import InFlight
from shared.broker.ports import Delivery, Settlement

DELIVERY = Delivery(dispatched(), redelivered=False)


async def test_deliveries_beyond_the_limit_wait_for_a_free_slot() -> None:
    holder, settled = Holder(), list[Settlement]()
    in_hand = InFlight(holder, limit=2)
    for _ in range(5):
        in_hand.take(DELIVERY, settled.append)
    await eventually(lambda: len(holder.held) == 2)
    holder.release()
    await eventually(lambda: len(settled) == 5)
    assert settled == [Settlement.ACK] * 5


async def test_requeued_deliveries_are_neither_started_nor_settled() -> None:
    holder, settled = Holder(), list[Settlement]()
    in_hand = InFlight(holder, limit=1)
    for _ in range(3):
        in_hand.take(DELIVERY, settled.append)
    await eventually(lambda: holder.held)
    in_hand.forget_waiting()
    holder.release()
    await in_hand.drain(grace=1)
    assert settled == [Settlement.ACK]
    assert len(holder.held) == 1


async def test_a_delivery_cancelled_at_its_first_wait_is_settled() -> None:
    holder, settled = Holder(), list[Settlement]()
    in_hand = InFlight(holder, limit=1)
    in_hand.take(DELIVERY, settled.append)
    in_hand.take(DELIVERY, settled.append)
    await in_hand.drain(grace=0)
    assert settled == [Settlement.REDELIVER] * 2
    assert len(holder.held) <= 1, "the second delivery waited for a free slot"


async def test_a_handler_that_ignores_its_cancellation_does_not_hold_up_the_stop(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("shared.broker.in_flight.CANCEL_SECONDS", 0.05)
    released = asyncio.Event()

    async def stubborn(delivery: Delivery) -> Settlement:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue
        return Settlement.ACK

    settled: list[Settlement] = []
    in_hand = InFlight(stubborn, limit=1)
    in_hand.take(DELIVERY, settled.append)
    await asyncio.sleep(0)
    await asyncio.wait_for(in_hand.drain(grace=0), 30)
    assert not settled
    released.set()
    await eventually(lambda: settled)
