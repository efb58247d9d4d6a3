"""`flowport replay` starts a replay on the server, follows it, and reports each result; gates refuse by it."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer

from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.commands import replay_sets
from flowport.commands.deployments import deploy, promote
from flowport.commands.replay import replay
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.output import Output

WORKFLOW = "0b1e2a34-5c6d-4e7f-8a9b-0c1d2e3f4a5b"
CHANGED = {
    "runId": "R2",
    "verdict": "different",
    "reason": "The output differs",
    "firstDifference": {"blockId": "a", "blockName": "Ask"},
}


def a_replay(status: str = "running", **counts: int) -> dict[str, Any]:
    known = {"same": 0, "different": 0, "unrecorded": 0, "failed": 0, "skipped": 0, **counts}
    refused = ["different: 1, allowed: 0"] if status == "refused" else []
    return {
        "id": "S1",
        "status": status,
        "total": 2,
        "done": sum(known.values()),
        "counts": known,
        "refusals": refused,
        "suggestedIgnore": ["Ask.at"] if status == "refused" else [],
    }


class Server:
    """Runs one replay, which ends at its second look-up."""

    def __init__(self, end: dict[str, Any], *, unavailable: int = 0) -> None:
        self.end = end
        self.unavailable = unavailable
        self.looks = 0
        self.sent: list[tuple[str, str, Any]] = []
        self.keys: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method != "GET":
            self.sent.append((request.method, path, json.loads(request.content or b"null")))
        if path.endswith("/replays"):
            self.keys.append(request.headers["idempotency-key"])
            if len(self.keys) <= self.unavailable:
                return httpx2.Response(503, headers={"retry-after": "1"}, json={"error": {"message": "later"}})
            return httpx2.Response(202, json={"data": a_replay()})
        if path.endswith("/results"):
            return httpx2.Response(200, json={"data": [CHANGED], "nextCursor": None})
        if path.endswith("/report"):
            if request.url.params.get("format") == "junit":
                return httpx2.Response(200, content=b"<testsuite/>")
            return httpx2.Response(200, json={"data": {"replay": self.end, "runs": [CHANGED]}})
        if path.endswith("/replays/S1"):
            self.looks += 1
            return httpx2.Response(200, json={"data": a_replay(same=1) if self.looks < 2 else self.end})
        if path.endswith("/deploy"):
            state = {"needsRedeployment": True, "activeDeployment": {"version": 1}}
            return httpx2.Response(200, json=state if request.method == "GET" else {"data": {"version": 2}})
        return httpx2.Response(200, json={})

    def bodies(self, ending: str) -> list[Any]:
        return [body for _, path, body in self.sent if path.endswith(ending)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_sets, "POLL_SECONDS", 0.0)


def session_of(server: Server, *, as_json: bool = True) -> Session:
    profile = Profile("https://flow.example", "sk-sim-key", workspace_id="mine")
    return Session(ApiClient(profile, transport=httpx2.MockTransport(server)), Output(as_json=as_json))


PASSED = a_replay("passed", same=2)
REFUSED = a_replay("refused", same=1, different=1)


def test_a_replay_that_passes_ends_with_0_and_prints_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(PASSED)
    replay(session_of(server), WORKFLOW, version=3, last=9, ignore=["*.at"], max_different=1)
    assert json.loads(capsys.readouterr().out)["replay"]["status"] == "passed"
    assert server.bodies("/replays") == [
        {
            "draft": False,
            "last": 9,
            "ignore": ["*.at"],
            "suggestIgnore": True,
            "maxDifferent": 1,
            "maxUnrecorded": 0,
            "maxFailed": 0,
            "version": 3,
        }
    ]


def test_a_replay_that_is_refused_names_blocks_and_fields_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "replay.xml"
    with pytest.raises(typer.Exit) as ended:
        replay(session_of(Server(REFUSED), as_json=False), WORKFLOW, run=["R2"], junit=file)
    assert ended.value.exit_code == 1
    shown = capsys.readouterr()
    assert shown.out == "runId\tverdict\tblock\treason\nR2\tdifferent\tAsk\tThe output differs\n"
    assert '--ignore "Ask.at"' in shown.err
    assert "different: 1, allowed: 0" in shown.err
    assert file.read_bytes() == b"<testsuite/>"


def test_a_request_that_the_server_could_not_take_is_repeated_with_its_key() -> None:
    server = Server(PASSED, unavailable=1)
    replay(session_of(server), WORKFLOW)
    first, second = server.keys
    assert first == second


def test_models_are_called_only_within_a_budget() -> None:
    server = Server(PASSED)
    replay(session_of(server), WORKFLOW, max_dollars=2.5, max_calls=10)
    assert server.bodies("/replays")[0]["models"] == {"mode": "live", "maxDollars": 2.5, "maxCalls": 10}
    with pytest.raises(typer.BadParameter):
        replay(session_of(server), WORKFLOW, max_dollars=2.5)


def test_one_target_at_a_time() -> None:
    with pytest.raises(typer.BadParameter):
        replay(session_of(Server(PASSED)), WORKFLOW, version=3, draft=True)


def test_a_gated_deploy_replays_the_draft_and_names_the_replay() -> None:
    server = Server(PASSED)
    deploy(session_of(server), WORKFLOW, gate="replay=50", max_failed=1)
    (body,) = server.bodies("/replays")
    assert (body["draft"], body["last"], body["maxFailed"]) == (True, 50, 1)
    assert server.bodies("/deploy")[0]["gate"] == {"replayId": "S1"}


def test_a_refused_gate_deploys_nothing() -> None:
    server = Server(REFUSED)
    with pytest.raises(CommandFailed, match="different: 1, allowed: 0"):
        deploy(session_of(server), WORKFLOW, gate="replay=50")
    assert server.bodies("/deploy") == []


def test_an_override_leaves_the_decision_to_the_server() -> None:
    server = Server(REFUSED)
    deploy(session_of(server), WORKFLOW, gate="replay=50", gate_override="hotfix")
    assert server.bodies("/deploy")[0]["gate"] == {"replayId": "S1", "override": "hotfix"}


def test_a_gated_promote_replays_the_version() -> None:
    server = Server(PASSED)
    promote(session_of(server), WORKFLOW, 3, gate="replay=5")
    assert server.bodies("/replays")[0]["version"] == 3
    assert server.bodies("/deployments/3") == [{"isActive": True, "gate": {"replayId": "S1"}}]
    promote(session_of(server), WORKFLOW, 3)
    assert server.bodies("/deployments/3")[1] == {"isActive": True}


@pytest.mark.parametrize("gate", ["replay", "replay=", "replay=0", "replay=1001", "replay=x", "tests=3"])
def test_an_unknown_gate_is_refused(gate: str) -> None:
    with pytest.raises(typer.BadParameter):
        promote(session_of(Server(PASSED)), WORKFLOW, 3, gate=gate)


def test_options_of_a_gate_need_a_gate() -> None:
    with pytest.raises(typer.BadParameter):
        promote(session_of(Server(PASSED)), WORKFLOW, 3, max_different=1)
    with pytest.raises(typer.BadParameter):
        deploy(session_of(Server(PASSED)), WORKFLOW, gate_override="hotfix")
