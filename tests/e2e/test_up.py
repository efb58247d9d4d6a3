"""`flowport up`, as newcomers use it."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.other_user import open_to_others
from tests.support.up import SECONDS, Up, await_end, credentials, printed_commands, run, up
from tests.support.workflow_files import block, start, workflow

from flowport.client.api_client import ApiClient
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.local.installation import deploy_workflow
from flowport.servers.ports import reserve_port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with reserve_port() as port:
        yield port.lend()


def test_the_printed_commands_work_as_pasted_and_a_start_after_a_kill_finds_all_data(folder: Path, port: int) -> None:
    with up(folder, port) as first:
        first.await_ready()
        sync, stream, queued = printed_commands(first.output)
        answered = json.loads(run(sync))
        assert answered["success"] is True
        assert answered["output"]["content"]
        frames = run(stream).strip().split("\n\n")
        assert len(frames) > 3
        assert frames[-1] == 'data: "[DONE]"'
        assert json.loads(run(queued))["status"] in {"queued", "processing", "completed"}
        known = credentials(folder)
        _undeploy(known, "Approve")
        waits = _deploy_waiting(known)
        call = ["curl", "-s", "-X", "POST", "-H", f"X-API-Key: {known['apiKey']}", _execute_url(known, waits)]
        attached = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _await_logged(known, waits, "processing")
        children = first.descendants()
        assert children
        first.process.send_signal(signal.SIGKILL)
        attached.wait(SECONDS)
    await_end(children)

    with up(folder, port) as second:
        second.await_ready()
        assert credentials(folder) == known
        lost = _await_logged(known, waits, "failed")
        assert lost["executionData"]["error"] == "The worker was stopped before the run ended"
        assert lost["totalDurationMs"] > 0
        assert lost["executionData"]["traceSpans"][0]["status"] == "error"
        answer = httpx2.get(
            f"{known['baseUrl']}/api/v1/workflows",
            params={"workspaceId": known["workspaceId"]},
            headers={"x-api-key": known["apiKey"]},
            timeout=30,
        )
        live = {workflow["name"]: workflow["isDeployed"] for workflow in answer.json()["data"]}
        assert live == {"Approve": False, "Classify support": True, "Summarise": True, "Waits": True}
        assert json.loads(run(sync))["output"]["content"] == answered["output"]["content"]


def _undeploy(known: dict[str, Any], name: str) -> None:
    """Undeploy an example."""
    with ApiClient(Profile(known["baseUrl"], known["apiKey"], known["workspaceId"])) as client:
        (workflow_id,) = (each["id"] for each in client.workflows() if each["name"] == name)
        client.call("DELETE", f"/api/v1/workflows/{workflow_id}/deploy")


def _deploy_waiting(known: dict[str, Any]) -> str:
    """Deploy a workflow that runs for five minutes; return its id."""
    waits = workflow("Waits", [start(), block("wait", "wait", "Wait", timeValue="300")], ("start", "wait"))
    with ApiClient(Profile(known["baseUrl"], known["apiKey"], known["workspaceId"])) as client:
        workflow_id = str(import_file(client, waits)["id"])
        deploy_workflow(client, workflow_id)
    return workflow_id


def _execute_url(known: dict[str, Any], workflow_id: str) -> str:
    return f"{known['baseUrl']}/api/workflows/{workflow_id}/execute"


def _await_logged(known: dict[str, Any], workflow_id: str, status: str) -> dict[str, Any]:
    """Return the workflow's run, once it has this state."""
    deadline = time.monotonic() + SECONDS
    headers = {"x-api-key": known["apiKey"]}
    with httpx2.Client(base_url=known["baseUrl"], headers=headers, timeout=30) as api:
        while True:
            query = {"workspaceId": known["workspaceId"], "workflowIds": workflow_id}
            listed = api.get("/api/v1/logs", params=query).json()["data"]
            if listed and listed[0]["status"] == status:
                return dict(api.get(f"/api/v1/logs/{listed[0]['id']}").json()["data"])
            assert time.monotonic() < deadline, listed
            time.sleep(0.1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An installation with a public URL. Its last test stops it."""
    folder = tmp_path_factory.mktemp("running")
    settings = {"FLOWPORT_PUBLIC_URL": "https://flows.invalid"}
    with reserve_port() as port, up(folder, port.lend(), "--json", **settings) as started:
        started.await_ready("}\n")
        yield started


def test_a_program_receives_the_credentials(running: Up) -> None:
    printed = json.loads(running.output)
    known = credentials(running.folder)
    assert (printed["url"], printed["apiKey"], printed["workspaceId"]) == (
        known["baseUrl"],
        known["apiKey"],
        known["workspaceId"],
    )
    run_url = _execute_url(known, printed["workflows"]["summarise"])
    answered = httpx2.post(run_url, headers={"x-api-key": printed["apiKey"]}, json={"input": "x"}, timeout=30)
    assert answered.json()["success"] is True


def test_no_file_in_its_folder_is_readable_by_other_users(running: Up) -> None:
    assert open_to_others(running.folder / ".flowport") == []


def test_a_public_address_is_not_an_address_to_listen_on(running: Up) -> None:
    assert credentials(running.folder)["baseUrl"] == f"http://127.0.0.1:{running.port}"


def test_a_port_in_use_is_a_one_line_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with up(tmp_path, taken) as refused:
            assert refused.process.wait(SECONDS) == 1
            assert f"port {taken}" in refused.output
            assert "Traceback" not in refused.output


def test_a_folder_in_use_names_its_process(running: Up) -> None:
    known = credentials(running.folder)
    with reserve_port() as other, up(running.folder, other.lend(), log="second") as second:
        assert second.process.wait(SECONDS) == 1
        message = " ".join(second.output.split())
    assert f"in use by process {running.process.pid}, which serves {known['baseUrl']}" in message


def test_ctrl_c_ends_it_with_all_its_processes_and_without_an_error(running: Up) -> None:
    children = running.descendants()
    assert children
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(SECONDS) == 0
    assert "Traceback" not in running.output + running.errors
    await_end(children)
