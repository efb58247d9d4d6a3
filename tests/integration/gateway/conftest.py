"""The gateway's store of accounts and workspaces, with a separate database per test."""

from collections.abc import AsyncIterator

import pytest

from gateway.database import INDEXES, TenantStore
from shared.store.client import Store


@pytest.fixture
async def tenants(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[TenantStore]:
    tenants = TenantStore(Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES))
    await tenants.start()
    yield tenants
    await tenants.stop()
