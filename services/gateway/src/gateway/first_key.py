"""`python -m gateway.first_key`: makes a key with every scope in the first workspace, and prints it this once."""

import asyncio
import sys

from gateway.adapters.tenant_store import INDEXES, TenantStore
from gateway.application.first_start import FirstKey, FirstStart
from gateway.settings import GatewaySettings
from shared.clock import SystemClock
from shared.store.client import Store


async def make_first_key(settings: GatewaySettings) -> FirstKey:
    """A new admin key of the first workspace, which is made if there is none. Raises Unavailable."""
    tenants = TenantStore(Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_gateway", INDEXES))
    told: list[FirstKey] = []
    await tenants.start()
    try:
        first = FirstStart(tenants, SystemClock(), settings.default_plan)
        await first.make_key(await first.workspace(), told.append)
    finally:
        await tenants.stop()
    return told[0]


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(make_first_key(GatewaySettings())).api_key}\n")
