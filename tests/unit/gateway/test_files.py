"""Files of runs are served to members of the workspace, and never execute in a browser."""

import pytest
from tests.support.gateway.system import Answer, System
from tests.support.gateway.tenants import OTHER

from gateway.access.domain.credentials import Scope
from shared.contracts.files import FileKey

KEY = FileKey("WS1", "W", "run-1", "file_1", "photo.png")


@pytest.fixture
def stored(system: System) -> System:
    system.jobs.blobs |= {"file_1": b"\x89PNG", "blob1": b"secret"}
    return system


async def get(system: System, key: FileKey, *, as_key: str | None = "") -> Answer:
    return await system.send("GET", key.path, key=as_key)


async def test_a_file_is_served_unchanged(stored: System) -> None:
    answer = await get(stored, KEY)
    assert (answer.status, answer.body) == (200, b"\x89PNG")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''photo.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"


@pytest.mark.parametrize(
    "key",
    [
        KEY._replace(workspace_id=OTHER.id),
        KEY._replace(file_id="blob1"),
        KEY._replace(file_id="file_gone"),
        KEY._replace(name="../a.png"),
    ],
)
async def test_missing_and_foreign_files_are_not_found(stored: System, key: FileKey) -> None:
    answer = await get(stored, key)
    assert (answer.status, answer.json["error"]) == (404, "File not found")


async def test_a_key_is_needed_and_the_right_to_run_or_read(stored: System) -> None:
    assert (await get(stored, KEY, as_key=None)).status == 401
    runner = stored.tenants.issue(scopes=frozenset({Scope.EXECUTE}))
    assert (await get(stored, KEY, as_key=runner)).status == 200
    deployer = stored.tenants.issue(scopes=frozenset({Scope.DEPLOY}))
    assert (await get(stored, KEY, as_key=deployer)).status == 403
