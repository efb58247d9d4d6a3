"""Uses of keys are written in batches, not once per call."""

from tests.support.gateway.clock import HandClock
from tests.support.gateway.tenants import FakeTenants

from gateway.access.authentication import KeyUsage


async def test_uses_are_written_in_one_batch() -> None:
    tenants, clock = FakeTenants(), HandClock()
    uses = KeyUsage(tenants, clock)
    for key_id in ("a", "b", "a"):
        uses.record_use(key_id)
    assert tenants.uses == []
    await uses.flush()
    await uses.flush()
    assert tenants.uses == ["a", "b"]


async def test_recorded_uses_are_written_at_the_end() -> None:
    tenants = FakeTenants()
    uses = KeyUsage(tenants, HandClock())
    await uses.start()
    uses.record_use("a")
    await uses.stop()
    assert tenants.uses == ["a"]


async def test_a_flush_survives_a_store_outage() -> None:
    tenants = FakeTenants()
    uses = KeyUsage(tenants, HandClock())
    uses.record_use("a")
    tenants.is_down = True
    await uses.flush()
    assert tenants.uses == []
