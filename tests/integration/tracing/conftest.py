"""All four services in one process, with their broker in memory, and every span that they record."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi

from flowport.home import SealingKeys
from flowport.local.asgi_server import listen, port_of
from flowport.local.embedded import run_embedded_services
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings
from shared.observe.spans import configure_tracing

KEYS = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span of this process."""
    exporter = InMemorySpanExporter()
    stop = configure_tracing("test", endpoint="", exporter=exporter)
    yield exporter
    stop()


@pytest.fixture
async def api(
    spans: InMemorySpanExporter, mongodb_uri: str, mongodb_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PublicApi]:
    """All four services in this process."""
    monkeypatch.setenv("FLOWPORT_MONGODB_PREFIX", mongodb_prefix)
    monkeypatch.setenv("FLOWPORT_TRACING_ENDPOINT", "http://127.0.0.1:9/unused")
    async with AsyncExitStack() as stack:
        models = stack.enter_context(ModelServer())
        monkeypatch.setenv("VLLM_BASE_URL", models.url)
        listening: socket.socket = stack.enter_context(listen(0))
        url = f"http://127.0.0.1:{port_of(listening)}"
        services = run_embedded_services(
            listening=listening, public_url=url, mongodb_uri=mongodb_uri, keys=SealingKeys(KEYS, KEYS)
        )
        await stack.enter_async_context(services)
        made = await make_first_key(GatewaySettings(mongodb_uri=mongodb_uri, mongodb_prefix=mongodb_prefix))
        api = PublicApi(url, made.api_key, made.workspace_id)
        stack.push_async_callback(api.close)
        yield api
