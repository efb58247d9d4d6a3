"""`/readyz` lists missing dependencies."""

import asyncio

import httpx2
import pytest

from shared.errors import Unavailable
from shared.service import Check
from shared.web import app as app_module
from shared.web.app import create_app


async def _problems(error: Exception) -> list[str]:
    async def check() -> None:
        raise error

    app = create_app("test", components=(), checks={"store": check}, routers=())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    found: list[str] = answer.json()["problems"]
    return found


@pytest.mark.parametrize(
    ("error", "problem"),
    [(Unavailable("it is unavailable"), "store: it is unavailable"), (TimeoutError(), "store: TimeoutError")],
)
async def test_a_problem_without_text_names_its_error(error: Exception, problem: str) -> None:
    assert await _problems(error) == [problem]


async def _answer(path: str, check: Check | None = None, *, is_draining: bool = False) -> httpx2.Response:
    app = create_app("test", components=(), checks={"store": check} if check else {}, routers=())
    app.state.is_draining = is_draining
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path)


async def test_a_draining_service_is_not_ready() -> None:
    answer = await _answer("/readyz", is_draining=True)
    assert (answer.status_code, answer.json()["status"]) == (503, "draining")
    assert (await _answer("/readyz")).status_code == 200


async def test_a_check_that_hangs_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(app_module, "CHECK_SECONDS", 0.05)
    answer = await asyncio.wait_for(_answer("/readyz", hangs), 30)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["store: TimeoutError"])


async def test_public_documents_omit_internal_endpoints() -> None:
    assert (await _answer("/openapi.json")).status_code == 404


async def test_the_build_is_reported_where_it_is_known() -> None:
    app = create_app("built", components=(), checks={}, routers=(), build="7f3a")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        metrics = (await client.get("/metrics")).text
    assert 'flowport_build_info{service="built",version="7f3a"} 1.0' in metrics
