"""fetch inside the sandbox: performed by the parent, within bounds."""

import asyncio

import pytest
from tests.unit.sandbox.conftest import RecordingFetcher

from executor_service.sandbox import (
    FetchRequest,
    FetchResponse,
    JavaScriptSandbox,
    PoolSize,
    SandboxLimits,
    Script,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = """
const r = await fetch("https://example.test/a")
return [r.ok, r.status, r.statusText, r.headers.get("Content-Type"), r.headers.get("constructor"),
        await r.json(), await r.text()]
"""


async def test_the_response_has_status_headers_and_body(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code=ANSWER))
    assert result.value() == [True, 200, "OK", "application/json", None, {"answer": 42}, '{"answer": 42}']


async def test_the_request_reaches_the_fetcher_as_given(sandbox: JavaScriptSandbox, fetcher: RecordingFetcher) -> None:
    code = 'await fetch("https://example.test/b", {method: "POST", headers: {"X-A": 1}, body: {b: 2}})'
    await sandbox.run(Script(code=code, workspace_id="ws-1"))
    assert fetcher.requests == [
        FetchRequest(
            url="https://example.test/b", method="POST", headers={"X-A": "1"}, body='{"b":2}', workspace_id="ws-1"
        )
    ]


async def test_a_refused_address_is_an_error_that_code_can_catch(sandbox: JavaScriptSandbox) -> None:
    code = "try { await fetch('http://refused') } catch (e) { return e.message }"
    result = await sandbox.run(Script(code=code))
    assert result.value() == "this address is not allowed"


async def test_requests_run_side_by_side(sandbox: JavaScriptSandbox) -> None:
    code = "return (await Promise.all([1, 2, 3].map(i => fetch('http://a/' + i)))).map(r => r.url)"
    result = await sandbox.run(Script(code=code))
    assert result.value() == ["http://a/1", "http://a/2", "http://a/3"]


async def test_calls_over_the_limit_are_rejected(sandbox: JavaScriptSandbox, fetcher: RecordingFetcher) -> None:
    code = "let n = 0; try { for (;;) { await fetch('http://a'); n++ } } catch (e) { return [n, e.message] }"
    result = await sandbox.run(Script(code=code))
    assert result.value() == [5, "fetch was called more than 5 times"]
    assert len(fetcher.requests) == 5


async def test_a_missing_page_is_a_response_and_not_an_error(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="const r = await fetch('http://missing'); return [r.ok, r.status]"))
    assert result.value() == [False, 404]


async def test_a_slow_fetch_is_cancelled_with_its_script() -> None:
    cancelled = asyncio.Event()

    async def slow(request: FetchRequest) -> FetchResponse:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        raise AssertionError(request)

    async with JavaScriptSandbox(fetcher=slow, size=PoolSize(spare=1)) as sandbox:
        result = await sandbox.run(Script(code="await fetch('http://slow')", timeout_ms=2_000))
        assert result.error is not None
        assert cancelled.is_set()


async def test_a_fetch_over_its_own_time_limit_is_an_error_that_code_can_catch() -> None:
    async def slow(request: FetchRequest) -> FetchResponse:
        await asyncio.sleep(60)
        raise AssertionError(request)

    limits = SandboxLimits(fetch_timeout_seconds=0.05)
    async with JavaScriptSandbox(fetcher=slow, limits=limits, size=PoolSize(spare=1)) as sandbox:
        result = await sandbox.run(Script(code="try { await fetch('http://a') } catch (e) { return e.message }"))
        assert result.value() == "fetch timed out"
