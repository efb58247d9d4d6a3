"""A process whose broker or store is unavailable at its start stays up, not ready, until it is available."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from tests.support.eventually import eventually, until

from shared.errors import Unavailable
from shared.service import Component
from shared.web.app import create_app
from shared.web.startup import Startup


class Dependency:
    """A component whose server can be started and stopped."""

    def __init__(self, *, is_available: bool = True) -> None:
        self.is_available = is_available
        self.fault: Exception | None = None
        self.starts = 0
        self.is_running = False

    async def start(self) -> None:
        if not self.is_available:
            raise Unavailable("the store does not respond")
        if self.fault is not None:
            raise self.fault
        self.starts += 1
        self.is_running = True

    async def stop(self) -> None:
        self.is_running = False


def service(*components: Component) -> FastAPI:
    router = APIRouter()

    @router.get("/work")
    async def work() -> str:
        return "done"

    return create_app("test", components=components, checks={}, routers=[router])


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as caller:
            yield caller


def startup_of(app: FastAPI) -> Startup:
    found: Startup = app.state.startup
    return found


@pytest.fixture(autouse=True)
def _short_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.web.startup.RETRY_SECONDS", 0.01)


async def test_an_available_dependency_is_used_before_the_first_call() -> None:
    app = service(store := Dependency())
    startup_of(app).wait_for_dependencies(on_failure=pytest.fail)
    async with running(app) as caller:
        assert store.is_running
        assert (await caller.get("/readyz")).status_code == 200
        assert (await caller.get("/work")).json() == "done"
    assert not store.is_running


async def test_the_process_is_alive_and_names_what_it_waits_for() -> None:
    app = service(Dependency(is_available=False))
    startup_of(app).wait_for_dependencies(on_failure=pytest.fail)
    async with running(app) as caller:
        assert (await caller.get("/healthz")).status_code == 200
        unready = await caller.get("/readyz")
        assert unready.status_code == 503
        assert unready.json() == {"status": "unready", "problems": ["start: the store does not respond"]}


async def test_calls_are_refused_until_every_component_has_started() -> None:
    started, store, last = Dependency(), Dependency(is_available=False), Dependency()
    app = service(started, store, last)
    startup_of(app).wait_for_dependencies(on_failure=pytest.fail)
    async with running(app) as caller:
        refused = await caller.get("/work")
        assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
        assert refused.json()["is_starting"], "callers may repeat it"
        store.is_available = True

        async def is_ready() -> bool:
            return (await caller.get("/readyz")).is_success

        await until(is_ready)
        assert (await caller.get("/work")).json() == "done"
        assert [each.starts for each in (started, store, last)] == [1, 1, 1]
    assert not any(each.is_running for each in (started, store, last))


async def test_a_process_that_still_waits_can_be_stopped() -> None:
    started = Dependency()
    app = service(started, Dependency(is_available=False))
    startup_of(app).wait_for_dependencies(on_failure=pytest.fail)
    async with running(app):
        assert started.is_running
    assert not started.is_running


async def test_a_fault_that_waiting_does_not_cure_ends_the_process() -> None:
    store = Dependency(is_available=False)
    app = service(store)
    ended: list[str] = []
    startup_of(app).wait_for_dependencies(on_failure=lambda: ended.append(startup_of(app).failure))
    async with running(app):
        store.fault, store.is_available = RuntimeError("this host cannot confine user code"), True
        await eventually(lambda: ended)
    assert ended == ["this host cannot confine user code"]


async def test_an_immediate_failure_ends_the_start() -> None:
    store = Dependency()
    store.fault = RuntimeError("this host cannot confine user code")
    app = service(store)
    startup_of(app).wait_for_dependencies(on_failure=pytest.fail)
    with pytest.raises(RuntimeError, match="cannot confine"):
        async with running(app):
            pytest.fail("it must not start")
    assert startup_of(app).failure == "this host cannot confine user code"


async def test_in_embedded_mode_the_start_fails_immediately() -> None:
    with pytest.raises(Unavailable):
        async with running(service(Dependency(is_available=False))):
            pytest.fail("it must not start")
