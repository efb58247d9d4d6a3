"""`flowport dev` runs a workflow of its own, which no other process or author uses."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.commands import dev as command
from flowport.commands.dev import dev
from flowport.commands.session import Session
from flowport.output import Output

FILE = "name: Hello\nblocks:\n  Start: {type: start}\n  Greet: {type: function, code: return 1}\n"
NAME = "Hello (dev)"
FINAL = b'data: {"event": "final", "data": {"success": true, "output": {}}}\n\n'


class Server:
    """The workflows of a workspace, by id. Calls the next of `on_run` before each run."""

    def __init__(self, *on_run: Callable[[], object], **workflows: str) -> None:
        self.workflows = workflows
        self.changed: list[str] = []
        self.ran: list[str] = []
        self._on_run = list(on_run)
        self._created = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api").removeprefix("/v1").removeprefix("/v2")
        if path == "/workflows":
            rows = [{"id": key, "name": name} for key, name in self.workflows.items()]
            return httpx2.Response(200, json={"data": rows})
        if path == "/workflows/import":
            self._created += 1
            self.workflows[f"new{self._created}"] = json.loads(request.content)["name"]
            return httpx2.Response(201, json={"data": {"id": f"new{self._created}"}})
        workflow_id, _, action = path.removeprefix("/workflows/").partition("/")
        assert workflow_id in self.workflows, f"{workflow_id} was archived"
        if request.method == "DELETE":
            del self.workflows[workflow_id]
        elif action == "state":
            self.changed.append(workflow_id)
        elif action == "execute":
            self.ran.append(workflow_id)
            if self._on_run:
                self._on_run.pop(0)()
            return httpx2.Response(200, headers={"x-run-id": "R"}, content=FINAL)
        return httpx2.Response(200, json={"deployedState": {}})

    def session(self) -> Session:
        profile = Profile("https://flow.example", "key", "mine")
        return Session(ApiClient(profile, transport=httpx2.MockTransport(self)), Output(as_json=True))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "POLL_SECONDS", 0.0)
    file = tmp_path / "hello.yaml"
    file.write_text(FILE)
    return file


def test_a_workflow_of_the_same_name_is_neither_changed_nor_archived(file: Path) -> None:
    server = Server(mine=NAME)
    dev(server.session(), file, once=True)
    assert (server.ran, server.changed, server.workflows) == (["new1"], ["new1"], {"mine": NAME})


def test_the_end_of_one_process_does_not_disturb_another(file: Path) -> None:
    server = Server(lambda: dev(server.session(), file, once=True))
    dev(server.session(), file, once=True)
    assert (server.ran, server.workflows) == (["new1", "new2"], {})


def test_a_workflow_that_was_archived_is_created_again_at_the_next_save(file: Path) -> None:
    def archive_and_save() -> None:
        server.workflows.clear()
        file.write_text(f"{FILE}# saved\n")

    def end() -> None:
        raise KeyboardInterrupt

    server = Server(archive_and_save, end)
    with pytest.raises(KeyboardInterrupt):
        dev(server.session(), file)
    assert (server.ran, server.workflows) == (["new1", "new2"], {})


def test_a_kept_workflow_is_used_again(file: Path) -> None:
    server = Server()
    for _ in range(2):
        dev(server.session(), file, once=True, keep=True)
    assert (server.ran, server.workflows) == (["new1", "new1"], {"new1": NAME})
