"""A workflow's resources are not found under another's path, nor with a key that is limited to another."""

from urllib.parse import quote

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB, a_view
from tests.support.gateway.system import System

from gateway.access.credentials import Scope
from shared.contracts.files import FileKey
from shared.contracts.jobs import PauseKind, PausePoint
from shared.contracts.runs import RunStatus

MINE, OTHER = "W", "V"
PICTURE = b"\x89PNG"
UNDER_A_WORKFLOW = (
    ("GET", f"/api/workflows/{MINE}/executions/E9", b""),
    ("GET", f"/api/workflows/{MINE}/executions/E9?includeOutput=true", b""),
    ("GET", f"/api/workflows/{MINE}/executions/E9/stream", b""),
    ("POST", f"/api/workflows/{MINE}/executions/E9/cancel", b""),
    ("GET", f"/api/workflows/{MINE}/paused/E9", b""),
    ("GET", f"/api/resume/{MINE}/E9", b""),
    ("GET", f"/api/resume/{MINE}/E9/ask", b""),
    ("POST", f"/api/resume/{MINE}/E9/ask", b"{}"),
    ("GET", f"/api/v2/workflows/{MINE}/runs/E9", b""),
    ("GET", f"/api/v2/workflows/{MINE}/runs/E9/events", b""),
    ("POST", f"/api/v2/workflows/{MINE}/runs/E9/cancel", b""),
    ("POST", f"/api/v2/workflows/{MINE}/runs/E9/resume", b'{"contextId":"ask"}'),
)
BY_ID = (
    ("GET", f"/api/jobs/{JOB}", b""),
    ("GET", "/api/v1/logs/E9", b""),
    ("GET", "/api/v1/logs/executions/E9", b""),
    ("POST", "/api/v1/runs/E9/redrive?workspaceId=WS1", b""),
)


@pytest.fixture(autouse=True)
async def other_run(system: System) -> None:
    """A paused run of the other workflow."""
    system.deployments.put(OTHER)
    asks = (PausePoint("ask", "ask", PauseKind.HUMAN, NOON),)
    system.jobs.views.clear()
    system.jobs.views["E9"] = a_view(
        RunStatus.PAUSED, run_id="E9", workflow_id=OTHER, job_id=JOB, paused_at=NOON, pauses=asks
    )


def limited_key(system: System) -> str:
    return system.tenants.issue(scopes=frozenset(Scope), workflow_ids=(MINE,))


async def status_of(system: System, method: str, path: str, body: bytes, key: str) -> int:
    headers = {"x-api-key": key, "content-type": "application/json"}
    return (await system.request(method, path, headers=headers, body=body)).status


@pytest.mark.parametrize(("method", "path", "body"), UNDER_A_WORKFLOW)
async def test_a_run_is_not_found_under_another_workflow(system: System, method: str, path: str, body: bytes) -> None:
    for key in (system.key, limited_key(system)):
        assert await status_of(system, method, path, body, key) == 404
    assert system.jobs.resumed == {}
    assert system.jobs.views["E9"].status is RunStatus.PAUSED


@pytest.mark.parametrize(("method", "path", "body"), BY_ID)
async def test_a_key_for_one_workflow_finds_no_run_of_another_by_its_id(
    system: System, method: str, path: str, body: bytes
) -> None:
    assert await status_of(system, method, path, body, limited_key(system)) in (403, 404)


async def test_no_list_of_a_workflow_has_runs_of_another(system: System) -> None:
    for path in (f"/api/workflows/{MINE}/paused", f"/api/v2/workflows/{MINE}/runs"):
        assert b"E9" not in (await system.get(path, key=limited_key(system))).body
    for query in ("", f"&workflowIds={OTHER}", "&executionId=E9", f"&workflowIds={MINE},{OTHER}"):
        assert (await system.get(f"/api/v1/logs?workspaceId=WS1{query}", key=limited_key(system))).status == 200
        workflow_ids = system.jobs.searches[-1].workflow_ids
        assert workflow_ids is not None and OTHER not in workflow_ids


@pytest.fixture
def theirs(system: System) -> FileKey:
    """A file of the other workflow."""
    key = FileKey.new("WS1", OTHER, "E9", "photo.png")
    system.jobs.blobs[key.file_id] = PICTURE
    return key


async def test_a_file_is_served_under_its_own_workflow_and_run(system: System, theirs: FileKey) -> None:
    assert (await system.get(theirs.path)).body == PICTURE
    key = system.tenants.issue(scopes=frozenset({Scope.READ}), workflow_ids=(OTHER,))
    assert (await system.get(theirs.path, key=key)).body == PICTURE


@pytest.mark.parametrize("name", ["photo.png", "other.png", "photo%2Epng"])
@pytest.mark.parametrize(
    ("workflow_id", "run_id"), [(MINE, "E9"), (MINE, "E1"), (MINE, f"{OTHER}@E9"), (f"{MINE} ", "E9")]
)
async def test_no_path_of_another_workflow_returns_a_file(
    system: System, theirs: FileKey, workflow_id: str, run_id: str, name: str
) -> None:
    for spelling in (quote, lambda text: quote(text, safe="")):
        path = f"/api/files/serve/{spelling(theirs._replace(workflow_id=workflow_id, run_id=run_id, name=name).text)}"
        for key in (system.key, limited_key(system)):
            answer = await system.get(path, key=key)
            assert answer.status in (403, 404), answer.body
            assert answer.body != PICTURE


async def test_no_path_of_another_run_returns_a_file(system: System, theirs: FileKey) -> None:
    assert (await system.get(theirs._replace(run_id="E1").path)).status == 404


async def test_a_shortened_id_names_no_file(system: System, theirs: FileKey) -> None:
    shortened = theirs._replace(workflow_id=MINE, file_id=theirs.file_id[:41])
    for key in (system.key, limited_key(system)):
        assert (await system.get(shortened.path, key=key)).status in (403, 404)


async def test_a_file_of_an_earlier_release_is_served_to_callers_of_every_workflow_only(system: System) -> None:
    unbound = FileKey("WS1", MINE, "E1", "file_1", "photo.png")
    system.jobs.blobs["file_1"] = PICTURE
    assert (await system.get(unbound.path)).body == PICTURE
    assert (await system.get(unbound.path, key=limited_key(system))).status == 403
