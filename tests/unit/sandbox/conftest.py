"""One JavaScript sandbox for each module, and a fetcher that answers from a table."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from executor_service.sandbox import (
    FetchFailed,
    FetchRequest,
    FetchResponse,
    JavaScriptSandbox,
    PoolSize,
    SandboxLimits,
)


class RecordingFetcher:
    """Answers every request with 200, except for hosts that it refuses, and records the requests."""

    def __init__(self) -> None:
        self.requests: list[FetchRequest] = []

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        self.requests.append(request)
        if "refused" in request.url:
            raise FetchFailed("this address is not allowed")
        if "hangs" in request.url:
            await asyncio.Event().wait()
        status = 404 if "missing" in request.url else 200
        return FetchResponse(
            status=status,
            status_text="OK" if status == 200 else "Not Found",
            url=request.url,
            headers={"content-type": "application/json"},
            body=b'{"answer": 42}',
        )


@pytest.fixture
def fetcher(module_fetcher: RecordingFetcher) -> RecordingFetcher:
    module_fetcher.requests.clear()
    return module_fetcher


@pytest.fixture(scope="module")
def module_fetcher() -> RecordingFetcher:
    return RecordingFetcher()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(module_fetcher: RecordingFetcher) -> AsyncIterator[JavaScriptSandbox]:
    limits = SandboxLimits(max_result_chars=100_000, max_input_bytes=1 << 20, max_fetches=5)
    async with JavaScriptSandbox(fetcher=module_fetcher, limits=limits, size=PoolSize(running=4, spare=2)) as sandbox:
        yield sandbox
