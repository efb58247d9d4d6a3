"""`python -m gateway.first_key`: creates a key with every scope in the first workspace, and prints it once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.access.passwords import Argon2Passwords
from gateway.database import INDEXES, TenantStore
from gateway.first_start import FirstKey, FirstPassword, FirstStart
from gateway.settings import GatewaySettings
from shared.clock import SystemClock
from shared.settings import load_settings
from shared.store.client import Store


async def make_first_key(settings: GatewaySettings) -> FirstKey:
    """Create an admin key in the first workspace, which is created if missing. Raises Unavailable."""
    created: list[FirstKey] = []
    async with _first_start(settings) as first:
        workspace, _ = await first.first_workspace()
        await first.make_key(workspace, created.append)
    return created[0]


async def set_admin_password(settings: GatewaySettings, password: str, *, only_if_none: bool = False) -> FirstPassword:
    """Set the password of the first admin, who is created if missing. Raises Unavailable."""
    async with _first_start(settings) as first:
        return await first.set_password(password, only_if_none=only_if_none)


@asynccontextmanager
async def _first_start(settings: GatewaySettings) -> AsyncIterator[FirstStart]:
    tenants = TenantStore(Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_gateway", INDEXES))
    await tenants.start()
    try:
        yield FirstStart(
            tenants, Argon2Passwords(), SystemClock(), settings.default_plan, admin_email=settings.admin_email
        )
    finally:
        await tenants.stop()


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(make_first_key(load_settings(GatewaySettings))).api_key}\n")
