"""Access to the public API of a running stack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.public_api import PublicApi

from flowport.local.stack import Stack
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings


def create_credentials(stack: Stack) -> tuple[str, str]:
    """Create a workspace and a key with every scope."""
    made = asyncio.run(make_first_key(GatewaySettings(mongodb_uri=stack.mongodb_uri)))
    return made.workspace_id, made.api_key


@asynccontextmanager
async def open_api(stack: Stack, credentials: tuple[str, str]) -> AsyncIterator[PublicApi]:
    """Open a client of the first gateway."""
    workspace_id, api_key = credentials
    api = PublicApi(stack.url, api_key, workspace_id)
    yield api
    await api.close()
