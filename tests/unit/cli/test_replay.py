"""`flowport replay` starts a bounded number of replays and reports each result."""

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import httpx2
import pytest
import typer

from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.commands import replay as replays
from flowport.commands.replay import junit_report, replay
from flowport.commands.session import Session
from flowport.output import Output

CHANGED = {
    "verdict": "different",
    "firstDifference": {
        "path": "a",
        "blockId": "a",
        "blockName": "Ask",
        "reason": "The output differs",
        "differences": [{"path": "n", "before": 1, "after": "<2>"}],
    },
    "durationMs": 12.0,
}
WORKFLOW = "0b1e2a34-5c6d-4e7f-8a9b-0c1d2e3f4a5b"


class Server:
    """Has recordings; the replay of each ends at its second look-up with its given result."""

    def __init__(self, **results: Any) -> None:
        self.results = results
        self.bodies: list[Any] = []
        self.active: set[str] = set()
        self.most_active = 0
        self.looks: dict[str, int] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path.endswith("/recordings"):
            rows = [{"runId": name, "isCut": name.endswith("cut")} for name in self.results]
            return httpx2.Response(200, json={"data": rows, "nextCursor": None})
        if path.endswith("/replay"):
            run_id = path.split("/")[-2]
            self.bodies.append(json.loads(request.content))
            self.active.add(run_id)
            self.most_active = max(self.most_active, len(self.active))
            return httpx2.Response(202, json={"data": {"runId": f"replay-{run_id}"}})
        run_id = path.split("/")[-1].removeprefix("replay-")
        self.looks[run_id] = self.looks.get(run_id, 0) + 1
        if self.looks[run_id] < 2:
            return httpx2.Response(200, json={"data": {"runId": f"replay-{run_id}", "status": "running"}})
        self.active.discard(run_id)
        return httpx2.Response(200, json={"data": {"runId": f"replay-{run_id}", **self.results[run_id]}})


def same() -> Any:
    return {"status": "completed", "output": {"verdict": "same"}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "POLL_SECONDS", 0.0)


def session_of(server: Server) -> Session:
    profile = Profile("https://flow.example", "sk-sim-key", workspace_id="mine")
    return Session(ApiClient(profile, transport=httpx2.MockTransport(server)), Output(as_json=True))


def test_runs_that_are_the_same_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(**{f"R{number}": same() for number in range(9)})
    replay(session_of(server), WORKFLOW, version=3, ignore=["*.at"], concurrency=4)
    shown = json.loads(capsys.readouterr().out)
    assert shown["counts"] == {"same": 9, "different": 0, "unrecorded call": 0, "failed": 0}
    assert server.bodies[0] == {"draft": False, "ignore": ["*.at"], "version": 3}
    assert server.most_active == 4


def test_a_difference_a_failure_and_a_cut_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"status": "failed", "error": {"message": "Recording not found"}}
    server = Server(R1=same(), R2={"status": "completed", "output": CHANGED}, R3=failed, R4cut=same())
    file = tmp_path / "replay.xml"
    with pytest.raises(typer.Exit) as ended:
        replay(session_of(server), WORKFLOW, junit=file)
    assert ended.value.exit_code == 1
    shown = json.loads(capsys.readouterr().out)
    assert [(each["runId"], each["verdict"]) for each in shown["runs"]] == [
        ("R1", "same"),
        ("R2", "different"),
        ("R3", "failed"),
    ]
    suite = Xml.parse(io.BytesIO(file.read_bytes())).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")


def test_a_report_names_the_block_and_what_changed() -> None:
    report = junit_report("support", [{**CHANGED, "runId": "R2"}])
    case = Xml.fromstring(report)[0]
    assert (case.get("name"), case.get("time")) == ("R2", "0.012")
    assert case[0].get("message") == "different: Ask: The output differs"
    assert case[0].text == "n: 1 -> '<2>'"


def test_one_target_at_a_time() -> None:
    with pytest.raises(typer.BadParameter):
        replay(session_of(Server()), WORKFLOW, version=3, draft=True)
