"""`flowport deploy FILE` never overwrites or deploys a draft that another author saved at the same time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from flowport.client.api_client import ApiClient
from flowport.client.errors import Conflict
from flowport.client.profiles import Profile
from flowport.commands.deployments import deploy
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.output import Output

ROOT = Path(__file__).parents[3]
FILE = ROOT / "examples" / "summarise.json"
WORKFLOW = "0b1e2a34-5c6d-4e7f-8a9b-0c1d2e3f4a5b"
STATE = f"/api/workflows/{WORKFLOW}/state"
DEPLOY = f"/api/v1/workflows/{WORKFLOW}/deploy"
BEFORE = {"blocks": {}, "edges": [], "author": "before"}
OTHER = {"blocks": {}, "edges": [], "author": "another"}


class Server:
    """One workflow, whose draft another author saves after the first request to `saved_after`, if any."""

    def __init__(self, saved_after: tuple[str, str] | None = None, *, refusal: str = "") -> None:
        self.draft: Any = BEFORE
        self.deployed: Any = None
        self._revision = 7
        self._saved_after = saved_after
        self._refusal = refusal

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        call = (request.method, request.url.path)
        response = self._answers[call](request)
        if call == self._saved_after:
            self._saved_after = None
            self._save(OTHER)
        return response

    @property
    def _answers(self) -> dict[tuple[str, str], Callable[[httpx2.Request], httpx2.Response]]:
        unknown = httpx2.Response(200, json={"needsRedeployment": True, "activeDeployment": None})
        return {
            ("GET", STATE): lambda _: httpx2.Response(200, json=self.draft, headers=self._etag),
            ("PUT", STATE): self._replace,
            ("GET", f"/api/workflows/{WORKFLOW}/deploy"): lambda _: unknown,
            ("POST", DEPLOY): self._deploy,
        }

    @property
    def _etag(self) -> dict[str, str]:
        return {"etag": f'"{self._revision}"'}

    def _save(self, draft: Any) -> None:
        self.draft, self._revision = draft, self._revision + 1

    def _is_stale(self, request: httpx2.Request) -> bool:
        return request.headers.get("if-match", self._etag["etag"]) != self._etag["etag"]

    def _replace(self, request: httpx2.Request) -> httpx2.Response:
        if self._is_stale(request):
            return httpx2.Response(409, json={"error": "The draft is at another revision"})
        self._save(json.loads(request.content))
        return httpx2.Response(200, json={"success": True}, headers=self._etag)

    def _deploy(self, request: httpx2.Request) -> httpx2.Response:
        if self._is_stale(request):
            return httpx2.Response(412, json={"error": {"message": "The draft is at another revision"}})
        if self._refusal:
            return httpx2.Response(403, json={"error": {"message": self._refusal}})
        self.deployed = self.draft
        return httpx2.Response(200, json={"data": {"version": 1}})


def deploy_file(server: Server) -> None:
    client = ApiClient(Profile("https://flow.example", "key", "mine"), transport=httpx2.MockTransport(server))
    deploy(Session(client, Output(as_json=False)), str(FILE), id_=WORKFLOW)


def test_a_file_replaces_the_draft_and_is_deployed() -> None:
    server = Server()
    deploy_file(server)
    assert server.deployed == server.draft != BEFORE


def test_a_save_before_the_draft_is_replaced_ends_the_command() -> None:
    server = Server(("GET", STATE))
    with pytest.raises(Conflict):
        deploy_file(server)
    assert (server.draft, server.deployed) == (OTHER, None)


def test_a_save_before_the_deploy_is_neither_deployed_nor_undone(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(("PUT", STATE))
    with pytest.raises(Conflict):
        deploy_file(server)
    assert (server.draft, server.deployed) == (OTHER, None)
    assert "The draft was not restored" in capsys.readouterr().err


def test_a_refused_deploy_restores_the_draft() -> None:
    server = Server(refusal="no permission")
    with pytest.raises(CommandFailed, match="no permission"):
        deploy_file(server)
    assert server.draft == BEFORE


def test_a_save_after_a_refused_deploy_is_not_undone(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(("POST", DEPLOY), refusal="no permission")
    with pytest.raises(CommandFailed, match="no permission"):
        deploy_file(server)
    assert server.draft == OTHER
    assert "The draft was not restored" in capsys.readouterr().err
