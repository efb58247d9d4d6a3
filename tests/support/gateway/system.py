"""A whole gateway over fakes, and a caller that sees every byte."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from fastapi import FastAPI
from starlette.types import Message
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.gateway.buckets import FakeBuckets
from tests.support.gateway.calls import FakeCalls
from tests.support.gateway.clock import HandClock
from tests.support.gateway.dead_letters import FakeDeadLetters
from tests.support.gateway.deployments import FakeDeployments
from tests.support.gateway.jobs import FakeJobs
from tests.support.gateway.mail import FakeEntryCodes, FakeMailer
from tests.support.gateway.people import FakeAudit, PlainPasswords
from tests.support.gateway.publications import FakeAgents, FakeChats, FakeToolServers
from tests.support.gateway.recordings import FakeRecordings
from tests.support.gateway.repairs import FakeRepairs
from tests.support.gateway.replays import FakeReplays
from tests.support.gateway.tenants import FakeTenants
from tests.support.gateway.webhooks import FakeWebhooks
from tests.support.gateway.worker import FakeWorker
from tests.support.tickets import TICKET_KEY

from gateway.app import build
from gateway.outside import Outside
from gateway.settings import GatewaySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker

BASE = "https://flow.example"


@dataclass
class Answer:
    """One HTTP answer as it was sent, chunk by chunk."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Call:
    """A request in progress: its answer so far, and a client that may disconnect or stop reading."""

    answer: Answer
    task: "asyncio.Task[None]"
    disconnected: asyncio.Event
    reading: asyncio.Event
    spoke: asyncio.Event

    async def disconnect(self) -> None:
        self.disconnected.set()
        await asyncio.wait([self.task], timeout=PATIENCE_SECONDS)

    async def done(self) -> Answer:
        await asyncio.wait_for(asyncio.shield(self.task), PATIENCE_SECONDS)
        return self.answer


@dataclass
class System:
    """The gateway and everything around it."""

    app: FastAPI
    broker: Broker
    worker: FakeWorker
    tenants: FakeTenants
    buckets: FakeBuckets
    deployments: FakeDeployments
    jobs: FakeJobs
    clock: HandClock
    key: str
    calls: FakeCalls
    audit: FakeAudit
    chats: FakeChats
    agents: FakeAgents
    tool_servers: FakeToolServers
    webhooks: FakeWebhooks
    mailer: FakeMailer
    entry_codes: FakeEntryCodes
    passwords: PlainPasswords
    dead_letters: FakeDeadLetters
    recordings: FakeRecordings
    repairs: FakeRepairs
    replays: FakeReplays

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | list[bytes] = b"",
        address: str = "127.0.0.1",
    ) -> Call:
        """Send a request; the answer fills as it arrives."""
        answer, disconnected, reading, spoke = Answer(), asyncio.Event(), asyncio.Event(), asyncio.Event()
        reading.set()
        pieces = [body] if isinstance(body, bytes) else list(body)

        async def receive() -> Message:
            if pieces:
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
            await disconnected.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                sent = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
                answer.headers = dict(sent)
                assert len(sent) == len(answer.headers), f"a header is there twice: {sent}"
                spoke.set()
                return
            await reading.wait()
            if message.get("body"):
                answer.chunks.append(message["body"])

        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
            "client": (address, 50_000),
            "server": ("127.0.0.1", 8080),
            "state": {},
        }
        task = asyncio.get_running_loop().create_task(_serve(self.app, scope, receive, send))
        return Call(answer, task, disconnected, reading, spoke)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request and wait for the whole answer."""
        return await self.call(method, path, **options).done()

    def execute_call(
        self,
        body: object = None,
        *,
        workflow: str = "W",
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
    ) -> Call:
        """Send an execute call with the system's key, unless another (or none) is given."""
        shown = self.key if key == "" else key
        sent = {"content-type": "application/json", **({"x-api-key": shown} if shown else {}), **(headers or {})}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        return self.call("POST", f"/api/workflows/{workflow}/execute", headers=sent, body=raw)

    async def execute(self, body: object = None, **options: Any) -> Answer:
        """Send an execute call like `execute_call`, and wait for the whole answer."""
        return await self.execute_call(body, **options).done()

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "",
        raw: bytes = b"",
        headers: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> Answer:
        """Send JSON (or `raw`) with the system's key, unless another (or none) is given."""
        shown = self.key if key == "" else key
        sent = {**({"x-api-key": shown} if shown else {}), **(headers or {})}
        content = raw if body is None else msgspec.json.encode(body)
        return await self.request(method, path, headers=sent, body=content, address=address)

    async def get(self, path: str, *, key: str | None = "") -> Answer:
        """Send a GET with the system's key, unless another (or none) is given."""
        shown = self.key if key == "" else key
        return await self.request("GET", path, headers={"x-api-key": shown} if shown else {})


async def _serve(app: FastAPI, scope: Any, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


@asynccontextmanager
async def running_system(
    *, keeper: Any = None, broker: Broker | None = None, mails: bool = True, **settings: Any
) -> AsyncIterator[System]:
    """Start a gateway with a deployed workflow `W` and a key with every scope.

    `keeper` executes its runs, if given; with a separate `broker` no worker executes them. It has a mail server,
    unless `mails` is false.
    """
    url = f"memory://{uuid4().hex}"
    tenants, deployments, jobs, clock = FakeTenants(), FakeDeployments(), FakeJobs(), HandClock()
    buckets, calls, audit, chats = FakeBuckets(clock), FakeCalls(), FakeAudit(), FakeChats()
    webhooks, tool_servers, agents = FakeWebhooks(), FakeToolServers(), FakeAgents()
    dead_letters, recordings, repairs = FakeDeadLetters(), FakeRecordings(), FakeRepairs()
    replays = FakeReplays()
    mailer, entry_codes, passwords = FakeMailer(), FakeEntryCodes(), PlainPasswords()
    deployments.put("W")
    broker = broker or open_broker(url, service="gateway")
    wanted = GatewaySettings(
        **{"public_url": BASE, "default_plan": "free", "settle_seconds": 0, "ticket_keys": TICKET_KEY, **settings}
    )
    fakes: dict[str, Any] = dict(  # noqa: C408
        broker=broker,
        store=tenants,
        buckets=buckets,
        deploy=deployments,
        chats=chats,
        agents=agents,
        tool_servers=tool_servers,
        dead_letters=dead_letters,
        repairs=repairs,
        replays=replays,
        webhooks=webhooks,
        recordings=recordings,
        jobs=keeper or jobs,
        calls=calls,
        clock=clock,
        passwords=passwords,
        audit_entries=audit,
        entry_codes=entry_codes,
        mailer=mailer if mails else None,
    )
    outside = Outside(wanted, **fakes)
    app = build(wanted, outside=outside)
    others = open_broker(url, service="executor-service")
    await others.start()
    worker = FakeWorker(others)
    await worker.start()
    async with app.router.lifespan_context(app):
        yield System(
            app,
            broker,
            worker,
            tenants,
            buckets,
            deployments,
            jobs,
            clock,
            tenants.issue(),
            calls,
            audit,
            chats,
            agents,
            tool_servers,
            webhooks,
            mailer,
            entry_codes,
            passwords,
            dead_letters,
            recordings,
            repairs,
            replays,
        )
    await others.stop()
