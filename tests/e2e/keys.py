"""Keys that the public door does not make, put into the store."""

from tests.support.public_door import PublicDoor

from flowport.stack import Stack
from gateway.adapters.tenant_store import INDEXES, TenantStore
from gateway.domain.credentials import ALL_SCOPES, ApiKey
from shared.clock import SystemClock
from shared.ids import new_id
from shared.security.keys import hash_key, mask_key, new_key
from shared.store.client import Store


async def key_with_limit(stack: Stack, door: PublicDoor, rate_limit: int) -> str:
    """A key with every scope that may call so often per window."""
    clear, key_id = new_key(), new_id()
    store = TenantStore(Store(stack.mongodb_uri, "flowport_gateway", INDEXES))
    await store.start()
    await store.add_key(
        ApiKey(
            id=key_id,
            workspace_id=door.workspace_id,
            name=key_id,
            key_hash=hash_key(clear),
            display=mask_key(clear),
            scopes=ALL_SCOPES,
            created_by="tests",
            created_at=SystemClock().now(),
            rate_limit=rate_limit,
        )
    )
    await store.stop()
    return clear
