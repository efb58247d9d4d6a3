"""A data folder that commit e21afff6 left is still read: `flowport up` starts on it, and callers continue.

The folder was recorded with that commit, in SecantusDB's files: workflows, versions, keys, a session, an encrypted
value, completed, failed and paused runs, a conversation, a chat, an agent, a tool server and a webhook. The test moves
its timestamps to today, since an old session or run would have expired.
"""

import json
import re
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from pymongo import MongoClient
from tests.support.up import SECONDS, up

from flowport.servers.ports import reserve_port
from flowport.servers.secantus import SecantusServer
from shared.store.pagination import PER_MS

RECORDED: Final = Path(__file__).with_name("recorded") / "e21afff6.tar.xz"
RECORDED_AT: Final = datetime(2026, 11, 29, 18, 52, 1, tzinfo=UTC)
_EPOCH_MS: Final = 10**12
"""A greater number of milliseconds is a timestamp; a smaller one is a duration."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the recorded installation, as if it was written a moment ago."""
    folder = tmp_path_factory.mktemp("recorded")
    with tarfile.open(RECORDED) as archive:
        archive.extractall(folder / ".flowport", filter="data")
    _move_timestamps(folder / ".flowport/data", datetime.now(UTC) - RECORDED_AT)
    return folder


@pytest.fixture(scope="module")
def recorded(folder: Path) -> dict[str, Any]:
    """Return ids and secrets of the recording."""
    found: dict[str, Any] = json.loads((folder / ".flowport/recorded.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def api(folder: Path, recorded: dict[str, Any]) -> Iterator[httpx2.Client]:
    """Start this version on the folder and call it with the recorded API key."""
    with reserve_port() as port, up(folder, number := port.lend()) as started:
        started.await_ready()
        headers = {"x-api-key": recorded["apiKey"]}
        with httpx2.Client(base_url=f"http://127.0.0.1:{number}", headers=headers, timeout=30) as client:
            yield client


def test_a_deployed_workflow_runs_with_its_encrypted_value(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    answer = api.post(f"/api/workflows/{recorded['greets']}/execute", json={"name": "Ada"})
    assert answer.json()["output"]["result"] == {"text": "Hello Ada", "token": len("token-of-the-recording")}


def test_ended_runs_have_their_results(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    completed = _job(api, recorded["completedJob"])
    assert completed["output"]["result"]["text"] == "Hello Grace"
    assert "boom" in _job(api, recorded["failedJob"])["error"]


def test_a_paused_run_continues_after_its_answer(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    for run_id in recorded["pausedRuns"]:
        path = f"/api/resume/{recorded['question']}/{run_id}"
        (point,) = api.get(path).json()["pausePoints"]
        assert api.post(f"{path}/{point['contextId']}", json={"input": {"ok": True}}).status_code == 202
    ended = _job(api, recorded["pausedJob"], until="completed")
    assert ended["output"]["data"] == {"length": len("four"), "ok": True}


def test_a_conversation_continues(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    body = {"input": "Who am I?", "conversationId": "talk-1"}
    answer = api.post(f"/api/workflows/{recorded['remember']}/execute", json=body)
    contents = [message["content"] for message in answer.json()["output"]["memories"]]
    assert (contents[0], contents[2]) == ("I am Ada.", "Who am I?")


def test_versions_are_listed(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    versions = api.get(f"/api/workflows/{recorded['greets']}/deployments").raise_for_status().json()["versions"]
    assert [version["version"] for version in versions] == [2, 1]


def test_accounts_and_keys_are_accepted(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    origin = {"origin": str(api.base_url).rstrip("/")}
    with httpx2.Client(base_url=api.base_url, headers=origin, timeout=30) as person:
        cookie = {"cookie": f"flowport_session={recorded['session']}"}
        assert person.get("/api/users/me/api-keys", headers=cookie).json()["keys"][0]["name"] == "Mine"
        key = {"x-api-key": recorded["personalKey"]}
        assert person.get(f"/api/jobs/{recorded['completedJob']}", headers=key).status_code == 200
        grace = {"email": "grace@example.com", "name": "Grace", "password": "a long password of Grace"}
        joined = person.post("/api/invitations/accept", json={"token": recorded["invitation"], **grace})
        assert joined.raise_for_status().json()["user"]["email"] == "grace@example.com"


def test_publications_are_served(api: httpx2.Client, recorded: dict[str, Any]) -> None:
    assert api.post("/api/chat/ask-ada", json={"password": "open sesame"}).json()["title"] == "Ask Ada"
    assert api.get(f"/api/a2a/serve/{recorded['agent']}/.well-known/agent-card.json").json()["name"] == "Greets"
    (server,) = api.get("/api/mcp/workflow-servers").json()["data"]["servers"]
    assert (server["id"], server["toolCount"]) == (recorded["toolServer"], 1)


def _job(api: httpx2.Client, job_id: str, *, until: str = "") -> dict[str, Any]:
    """Return a queued run, once it has this status."""
    deadline = time.monotonic() + SECONDS
    while True:
        found: dict[str, Any] = api.get(f"/api/jobs/{job_id}").raise_for_status().json()
        if until in ("", found["status"]):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def _move_timestamps(data: Path, distance: timedelta) -> None:
    server = SecantusServer(data)
    server.start()
    try:
        with MongoClient[dict[str, Any]](server.uri, tz_aware=True) as client:
            for database in (name for name in client.list_database_names() if name.startswith("flowport_")):
                for collection in client[database].list_collection_names():
                    for document in list(client[database][collection].find()):
                        moved = _moved(document, "", distance)
                        client[database][collection].replace_one({"_id": document["_id"]}, moved)
    finally:
        server.stop()


def _moved(value: Any, name: str, distance: timedelta) -> Any:
    ms = distance // timedelta(milliseconds=1)
    if isinstance(value, dict):
        return {key: _moved(item, key, distance) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, name, distance) for item in value]
    if isinstance(value, datetime):
        return value + distance
    if name == "position":
        return value + ms * PER_MS
    if isinstance(value, int) and re.search("_ms$", name) and value > _EPOCH_MS:
        return value + ms
    return value
