"""Workspaces and keys that the public API cannot create, written into the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.public_api import PublicApi

from flowport.local.stack import Stack
from gateway.access.credentials import ALL_SCOPES, ApiKey, Workspace
from gateway.access.models import Team
from gateway.access.plans import PlanName
from gateway.database import INDEXES, TenantStore
from shared.clock import SystemClock
from shared.ids import new_id
from shared.security.api_keys import hash_key, mask_key, new_key
from shared.store.client import Store


async def key_with_limit(stack: Stack, api: PublicApi, rate_limit: int) -> str:
    """Create a key with every scope and this rate limit per window."""
    async with _tenants(stack) as tenants:
        return await _add_key(tenants, api.workspace_id, rate_limit)


async def new_workspace(stack: Stack, plan: PlanName = PlanName.SELF_HOSTED) -> tuple[str, str]:
    """Create a workspace and a key with every scope."""
    async with _tenants(stack) as tenants:
        workspace = Workspace(id=new_id(), name="Apart", plan=plan, created_at=SystemClock().now())
        await tenants.add_workspace(workspace, Team(workspace_id=workspace.id, revision=1, members=()))
        return workspace.id, await _add_key(tenants, workspace.id, None)


async def _add_key(tenants: TenantStore, workspace_id: str, rate_limit: int | None) -> str:
    clear, key_id = new_key(), new_id()
    await tenants.add_key(
        ApiKey(
            id=key_id,
            workspace_id=workspace_id,
            name=key_id,
            key_hash=hash_key(clear),
            display=mask_key(clear),
            scopes=ALL_SCOPES,
            created_by="tests",
            created_at=SystemClock().now(),
            rate_limit=rate_limit,
        )
    )
    return clear


@asynccontextmanager
async def _tenants(stack: Stack) -> AsyncIterator[TenantStore]:
    store = TenantStore(Store(stack.mongodb_uri, "flowport_gateway", INDEXES))
    await store.start()
    yield store
    await store.stop()
