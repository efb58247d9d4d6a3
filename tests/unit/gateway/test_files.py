"""Files of runs are served to members of the workspace, and never execute in a browser."""

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import Answer, Call, System
from tests.support.gateway.tenants import OTHER

from gateway.access.credentials import Scope
from gateway.sim import files
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


async def test_a_large_file_is_sent_in_pieces(stored: System) -> None:
    content = bytes(range(256)) * 4096
    stored.jobs.blobs["file_1"] = content
    answer = await get(stored, KEY)
    assert (answer.body, answer.headers["content-length"]) == (content, str(len(content)))
    assert max(map(len, answer.chunks)) <= files.PIECE_BYTES


async def test_files_are_counted_against_the_rate_in_their_headers(stored: System) -> None:
    first = await get(stored, KEY)
    limit, left = (int(first.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))
    assert left == limit - 1
    statuses = [(await get(stored, KEY)).status for _ in range(limit)]
    assert statuses == [200] * left + [429]


async def test_clients_that_read_slowly_occupy_a_limited_number_of_files_and_none_of_other_workspaces(
    stored: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.01)
    slow = [slow_reader(stored) for _ in range(files.SERVED_AT_ONCE // 2)]
    await eventually(lambda: all(call.spoke.is_set() for call in slow))
    assert (await get(stored, KEY)).status == 429
    other = await get(stored, KEY._replace(workspace_id=OTHER.id), as_key=stored.tenants.issue(OTHER))
    assert other.status == 200
    slow[0].reading.set()
    assert (await slow[0].done()).body == stored.jobs.blobs["file_1"]
    assert (await get(stored, KEY)).status == 200
    assert (await get(stored, KEY._replace(file_id="file_gone"))).status == 404
    assert (await get(stored, KEY)).status == 200
    for call in slow:
        call.reading.set()
        await call.done()


def slow_reader(system: System) -> Call:
    call = system.call("GET", KEY.path, headers={"x-api-key": system.key})
    call.reading.clear()
    return call
