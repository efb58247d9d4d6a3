"""No cache keeps the application of a test, or a client that its routes use, after the test."""

import gc
from collections.abc import Callable
from typing import Annotated
from weakref import ref

import httpx2
import pytest
from fastapi import Depends, FastAPI


class Client:
    """A client that only routes hold."""

    async def read(self) -> str:
        return "value"


def serve_from_an_endpoint(client: Client) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> str:
        return await client.read()

    return app


def serve_from_a_dependency(client: Client) -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def endpoint(value: Annotated[str, Depends(client.read)]) -> str:
        return value

    return app


async def used_client(serve: Callable[[Client], FastAPI]) -> ref[Client]:
    client = Client()
    transport = httpx2.ASGITransport(serve(client))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as caller:
        assert (await caller.get("/")).json() == "value"
    return ref(client)


@pytest.mark.parametrize("serve", [serve_from_an_endpoint, serve_from_a_dependency])
async def test_no_cache_holds_what_a_route_uses(
    serve: Callable[[Client], FastAPI], pytestconfig: pytest.Config
) -> None:
    client = await used_client(serve)
    caches = pytestconfig.pluginmanager.get_plugin("tests.support.route_caches")
    assert caches
    caches.pytest_runtest_logfinish()
    gc.collect()
    assert client() is None
