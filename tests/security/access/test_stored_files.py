"""A run reads only stored files that its caller may read, whatever file objects the caller writes into the input.

Runs come from the gateway. The executor's readers call the blob route of jobs-service with the ticket of the run.
"""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import msgspec
import pytest
from pydantic import SecretStr
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.gateway.jobs import a_view
from tests.support.gateway.published_chat import publish
from tests.support.gateway.system import System
from tests.support.gateway.visitor import Visitor
from tests.support.tickets import SIGNER, ring

from executor_service.adapters.sandbox_files import SandboxFiles
from executor_service.application.file_contents import FileContents
from executor_service.blocks.agent.attachments import load_attachments
from executor_service.engine import BlockFailure
from executor_service.sandbox import FILE_SCHEME, FetchFailed, FetchRequest, no_fetch
from gateway.access.credentials import Scope
from gateway.access.models import Role
from jobs_service.payloads import blobs_router
from shared.clients.jobs.files import JobsFileStore
from shared.clock import SystemClock
from shared.contracts.files import FileKey, FileScope
from shared.contracts.runs import RunSpec, RunStatus
from shared.errors import NotFound
from shared.ids import public_run_id
from shared.security.current_ticket import using_ticket
from shared.service import ServiceName
from shared.web.app import create_app
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens
from shared.web.run_tickets import TicketChecks

MINE, OTHER = "W", "V"
CONTENT = b"content"
Reader = Callable[[JobsFileStore, FileKey, RunSpec], Awaitable[bytes | None]]


class StoredBlobs:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], bytes] = {}

    def add(self, key: FileKey) -> FileKey:
        self.stored[key.workspace_id, key.file_id] = CONTENT
        return key

    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        content = self.stored.get((workspace_id, blob_id))
        if content is None:
            raise NotFound("no blob")

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return len(content), chunks()


@pytest.fixture
def blobs() -> StoredBlobs:
    return StoredBlobs()


@pytest.fixture
async def files(blobs: StoredBlobs) -> AsyncIterator[JobsFileStore]:
    """The executor's files, stored by jobs-service."""
    tokens = ServiceTokens({ServiceName.EXECUTOR: SecretStr("token")})
    checks = TicketChecks(tokens, ring(), SystemClock(), accepts_missing=False)
    untyped: Any = blobs  # only the parts that the route of a single blob calls
    router = blobs_router(untyped, checks, lifetime=timedelta(days=1))
    app = create_app("jobs-service", components=(), checks={}, routers=[router])
    client = InternalClient(
        "http://jobs",
        caller=ServiceName.EXECUTOR,
        tokens=tokens,
        timeout=PATIENCE_SECONDS,
        transport=httpx2.ASGITransport(app),
    )
    yield JobsFileStore(client)
    await client.stop()


def forged(key: FileKey) -> dict[str, Any]:
    return {"context": "execution", "key": key.text, "size": 1}


async def shown(files: JobsFileStore, key: FileKey, run: RunSpec) -> bytes | None:
    document = msgspec.json.encode({"result": forged(key)})
    found = json.loads(await FileContents(files).add_contents(run, document))["result"].get("base64")
    return None if found is None else CONTENT if found == b64encode(CONTENT).decode() else found.encode()


async def read_by_code(files: JobsFileStore, key: FileKey, run: RunSpec) -> bytes | None:
    place = run.snapshot.workspace_id
    request = FetchRequest(url=FILE_SCHEME + key.text, method="GET", headers={}, body=None, workspace_id=place)
    try:
        return (await SandboxFiles(files, no_fetch)(request)).body
    except FetchFailed:
        return None


async def attached(files: JobsFileStore, key: FileKey, run: RunSpec) -> bytes | None:
    call: Any = SimpleNamespace(request=SimpleNamespace(workspace_id=run.snapshot.workspace_id))
    try:
        (attachment,) = await load_attachments(files, call, [forged(key)])
    except BlockFailure:
        return None
    return attachment.content


READERS = pytest.mark.parametrize("reader", [shown, read_by_code, attached])


def callers(system: System) -> dict[str, str | None]:
    return {
        "public": None,
        "limited": system.tenants.issue(scopes=frozenset(Scope), workflow_ids=(MINE,)),
        "execute-only": system.tenants.issue(scopes=frozenset({Scope.EXECUTE})),
        "reading": system.tenants.issue(scopes=frozenset({Scope.EXECUTE, Scope.READ})),
        "admin": system.tenants.issue(scopes=frozenset({Scope.ADMIN})),
    }


async def run_of(system: System, caller: str) -> RunSpec:
    """Return the run that a call of the public workflow starts."""
    system.deployments.put(MINE, public=True)
    assert (await system.execute({"input": {}}, key=callers(system)[caller])).status == 200
    return system.worker.runs[-1]


def own_file(run: RunSpec) -> FileKey:
    place = run.snapshot
    return FileKey.new(place.workspace_id, place.workflow_id, public_run_id(run.run_id), "a.txt")


@READERS
@pytest.mark.parametrize("caller", ["public", "limited", "execute-only", "reading", "admin"])
async def test_a_run_reads_its_own_files(
    system: System, files: JobsFileStore, blobs: StoredBlobs, caller: str, reader: Reader
) -> None:
    run = await run_of(system, caller)
    key = blobs.add(own_file(run))
    with using_ticket(SIGNER.sign_run(run, seconds=60)):
        assert await reader(files, key, run) == CONTENT


@READERS
@pytest.mark.parametrize(
    ("caller", "reads_workflow", "reads_workspace"),
    [
        ("public", False, False),
        ("limited", True, False),
        ("execute-only", True, False),
        ("reading", True, True),
        ("admin", True, True),
    ],
)
async def test_a_run_reads_no_other_file_that_its_caller_may_not_read(
    system: System,
    files: JobsFileStore,
    blobs: StoredBlobs,
    caller: str,
    reads_workflow: bool,
    reads_workspace: bool,
    reader: Reader,
) -> None:
    run = await run_of(system, caller)
    of_workflow = blobs.add(FileKey.new("WS1", MINE, "E1", "a.txt"))
    of_other = blobs.add(FileKey.new("WS1", OTHER, "E9", "a.txt"))
    of_earlier_release = blobs.add(FileKey("WS1", MINE, public_run_id(run.run_id), "file_1", "a.txt"))
    of_other_workspace = blobs.add(FileKey.new("WS2", MINE, "E1", "a.txt"))
    with using_ticket(SIGNER.sign_run(run, seconds=60)):
        assert await reader(files, of_workflow, run) == (CONTENT if reads_workflow else None)
        for key in (of_other, of_earlier_release):
            assert await reader(files, key, run) == (CONTENT if reads_workspace else None)
        assert await reader(files, of_other_workspace, run) is None


@READERS
async def test_a_called_workflow_reads_only_the_files_of_the_run(
    system: System, files: JobsFileStore, blobs: StoredBlobs, reader: Reader
) -> None:
    run = await run_of(system, "public")
    own, other = blobs.add(own_file(run)), blobs.add(FileKey.new("WS1", OTHER, "E9", "a.txt"))
    child = SIGNER.sign_child(ring().verify(SIGNER.sign_run(run, seconds=60)), OTHER, "0" * 64)
    grandchild = SIGNER.sign_child(ring().verify(child), "X", "0" * 64)
    for ticket in (child, grandchild):
        with using_ticket(ticket):
            assert await reader(files, own, run) == CONTENT
            assert await reader(files, other, run) is None


async def test_a_chosen_run_id_opens_no_file_of_another_workflow(
    system: System, files: JobsFileStore, blobs: StoredBlobs
) -> None:
    system.deployments.put(MINE, public=True)
    await system.execute({"input": {}}, key=None, headers={"x-execution-id": "order-1"})
    run = system.worker.runs[-1]
    key = blobs.add(FileKey.new("WS1", OTHER, "order-1", "a.txt"))
    with using_ticket(SIGNER.sign_run(run, seconds=60)):
        assert await shown(files, key, run) is None


@pytest.mark.parametrize(("caller", "scope"), [("limited", FileScope.WORKFLOW), ("admin", FileScope.WORKSPACE)])
async def test_a_redriven_run_reads_the_files_that_the_caller_who_redrives_it_may_read(
    system: System, caller: str, scope: FileScope
) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    answer = await system.send("POST", "/api/v1/runs/E1/redrive", key=callers(system)[caller])
    assert answer.status == 202, answer.body
    assert [request.file_scope for request in system.dead_letters.requests] == [scope]


async def test_a_chat_run_reads_its_own_files_only(system: System) -> None:
    await publish(system)
    assert (await system.send("POST", "/api/chat/help-desk", {"input": "Hi"}, key=None)).status == 200
    assert system.worker.runs[-1].file_scope is FileScope.RUN


async def test_a_signed_in_members_run_reads_every_file_of_the_workspace(system: System) -> None:
    member = await Visitor.with_role(system, Role.WRITE)
    path = f"/api/workflows/{MINE}/execute"
    answer = await member.send("POST", path, {"input": {}}, content_type="application/json")
    assert answer.status == 200
    assert system.worker.runs[-1].file_scope is FileScope.WORKSPACE
