"""`flowport runs repair`: one run, or all failed runs of a workflow, page by page."""

import json
from typing import Any

import httpx2
import pytest
import typer

from flowport.client.api_client import ApiClient
from flowport.client.errors import ServerUnavailable
from flowport.client.profiles import Profile
from flowport.commands.runs import repair
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.output import Output

URL = "https://flow.example"
WORKFLOW = "3f1c8a52-7d7e-4f0a-9b1e-0d6c5b4a3f2e"
ROUTE = f"/api/v2/workflows/{WORKFLOW}/runs"


def session(bodies: list[Any], *, refused: bool = False, unavailable_at: str = "never") -> Session:
    """Return a session with a server that has three failed runs, in pages of two. It fails at a cursor, if given."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/api/jobs/run_0123456789abcdef0123":
            return httpx2.Response(200, json={"metadata": {"workflowId": WORKFLOW, "executionId": "E1"}})
        if request.method == "GET":
            return httpx2.Response(200, json={"data": [{"id": WORKFLOW, "name": "Support"}], "nextCursor": None})
        body = json.loads(request.content)
        bodies.append(body)
        if path == f"{ROUTE}/E1/repair":
            return httpx2.Response(202, json={"data": {"runId": "N1", "repairOf": "E1", "statusUrl": "u"}})
        assert path == f"{ROUTE}/repair"
        if body.get("cursor") == unavailable_at:
            return httpx2.Response(503, headers={"retry-after": "1"}, json={"error": {"message": "later"}})
        failed = [{"runId": "E3", "error": {"code": "CONFLICT", "message": 'block "B" differs'}}] if refused else []
        pages = {None: (["E1", "E2"], [], "2"), "2": (["E4"], failed, None)}
        repaired, refusals, cursor = pages[body.get("cursor")]
        rows = [{"runId": f"{run_id}-new", "repairOf": run_id, "statusUrl": "u"} for run_id in repaired]
        return httpx2.Response(202, json={"data": {"repaired": rows, "refused": refusals, "nextCursor": cursor}})

    transport = httpx2.MockTransport(answer)
    return Session(ApiClient(Profile(URL, "sk-sim-key", "WS1"), transport=transport), Output(as_json=True))


def test_one_run_is_repaired_on_the_named_version(capsys: pytest.CaptureFixture[str]) -> None:
    bodies: list[Any] = []
    repair(session(bodies), run="run_0123456789abcdef0123", version=4)
    assert bodies == [{"repeatUncertain": False, "version": 4}]
    assert json.loads(capsys.readouterr().out)["runId"] == "N1"


def test_all_failed_runs_of_a_workflow_are_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    bodies: list[Any] = []
    repair(session(bodies), every=WORKFLOW, since="2026-01-01T00:00:00Z")
    assert [body.get("cursor") for body in bodies] == [None, "2"]
    assert all(body["since"] == "2026-01-01T00:00:00Z" for body in bodies)
    rows = json.loads(capsys.readouterr().out)
    assert [row["failedRun"] for row in rows] == ["E1", "E2", "E4"]


def test_refused_runs_are_listed_with_their_reason_and_fail_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandFailed, match="some runs could not be repaired"):
        repair(session([], refused=True), every=WORKFLOW)
    assert json.loads(capsys.readouterr().out)[-1]["error"] == 'block "B" differs'


def test_runs_that_were_repaired_before_an_error_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ServerUnavailable):
        repair(session([], unavailable_at="2"), every=WORKFLOW)
    assert [row["failedRun"] for row in json.loads(capsys.readouterr().out)] == ["E1", "E2"]


@pytest.mark.parametrize(
    "options", [{}, {"run": "E1", "every": WORKFLOW}, {"run": "E1", "since": "2026-01-01"}, {"run": "E1", "until": "x"}]
)
def test_options_that_do_not_fit_together_are_an_invalid_command_line(options: dict[str, Any]) -> None:
    bodies: list[Any] = []
    with pytest.raises(typer.BadParameter):
        repair(session(bodies), **options)
    assert bodies == []
