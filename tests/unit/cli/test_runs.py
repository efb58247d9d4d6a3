"""Lookup of runs, and their results."""

from typing import Any

import httpx2
import pytest
import typer

from flowport.client.api_client import ApiClient
from flowport.client.errors import NotFound
from flowport.client.profiles import Profile
from flowport.client.runs import RunRef, find_run
from flowport.commands.run import show_result
from flowport.output import Output


def client_that_finds_it_after(requests: int) -> ApiClient:
    """Return a client whose server returns the run from this request on."""
    received: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        received.append(request)
        return httpx2.Response(200, json={"data": [{"workflowId": "w"}] if len(received) >= requests else []})

    profile = Profile("https://flow.example", "sk-sim-key", workspace_id="mine")
    return ApiClient(profile, transport=httpx2.MockTransport(answer))


@pytest.mark.parametrize("requests", [1, 3])
def test_a_run_that_is_stored_after_its_response_is_found(requests: int) -> None:
    assert find_run(client_that_finds_it_after(requests), "mine") == RunRef("w", "mine")


def test_an_unknown_run_is_not_found() -> None:
    with pytest.raises(NotFound, match="run mine not found"):
        find_run(client_that_finds_it_after(1_000), "mine")


WAIT = {"data": {"operation": "wait", "resumeAt": "2026-03-01T10:00:00.000Z"}, "status": 200, "headers": {}}
LATER = {"data": {"operation": "wait", "resumeAt": "2026-03-02T10:00:00.000Z"}, "status": 200, "headers": {}}
FORM = {"data": {"operation": "human", "inputFormat": []}, "status": 200, "headers": {}}


@pytest.mark.parametrize(
    ("output", "awaited"),
    [
        (WAIT, "until 2026-03-01T10:00:00.000Z"),
        ({"pausedBlocks": [LATER, WAIT], "pauseCount": 2}, "until 2026-03-01T10:00:00.000Z"),
        (FORM, "for a decision"),
        ({"pausedBlocks": [WAIT, FORM], "pauseCount": 2}, "for a decision"),
    ],
)
def test_a_paused_run_says_what_it_waits_for(
    output: dict[str, Any], awaited: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        show_result(Output(as_json=False), {"runId": "r1", "status": "paused", "output": output})
    assert f"the run waits {awaited}. Wait for its end with `flowport runs wait r1`" in " ".join(
        capsys.readouterr().err.split()
    )
