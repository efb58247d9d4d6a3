"""`flowport up`, as a newcomer meets it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.mongod import install
from tests.support.other_user import open_to_others
from tests.support.workflow_files import block, start, workflow

from flowport.client.door import Door
from flowport.client.profiles import Profile
from flowport.client.workflows import import_file
from flowport.first_use import deploy
from flowport.servers.ports import reserve_port

ROOT = Path(__file__).parents[2]
SECONDS = 120


class Up:
    """One running `flowport up` in `folder`, or `flowport stack`."""

    def __init__(self, folder: Path, port: int, *options: str, command: str = "up", **settings: str) -> None:
        self._output = folder / "output.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWPORT_")}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("flowport"), command, "--examples", ROOT / "examples", *options],
                cwd=folder,
                env={**environment, "PORT": str(port), "FLOWPORT_STORE": "secantusdb", **settings},
                stdout=output,
                stderr=subprocess.DEVNULL if options else output,
            )

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text()

    def await_ready(self, sign: str = "Ctrl-C stops") -> None:
        """Wait until it says that it is up."""
        deadline = time.monotonic() + SECONDS
        while sign not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def descendants(self) -> set[int]:
        """Every process that it started, and what those started."""
        parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@contextmanager
def up(folder: Path, port: int, *options: str, command: str = "up", **settings: str) -> Iterator[Up]:
    started = Up(folder, port, *options, command=command, **settings)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.wait(SECONDS)


def run(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


def printed_commands(output: str) -> list[str]:
    """What stands below each title, up to the next empty line."""
    parts = [part.partition("\n") for part in output.split("\n\n")]
    return [command for _, _, command in parts if "curl " in command]


def await_gone(children: set[int]) -> None:
    """Wait until none of the processes is left."""
    deadline = time.monotonic() + SECONDS
    while left := [pid for pid in children if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with reserve_port() as port:
        yield port.lend()


def credentials(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / ".flowport/credentials.json").read_bytes())
    return found


def test_the_printed_commands_work_as_pasted_and_a_second_start_finds_its_data(folder: Path, port: int) -> None:
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
        children = first.descendants()
        assert children
    await_gone(children)

    with up(folder, port) as second:
        second.await_ready()
        assert credentials(folder) == known
        answer = httpx.get(
            f"{known['baseUrl']}/api/v1/workflows",
            params={"workspaceId": known["workspaceId"]},
            headers={"x-api-key": known["apiKey"]},
            timeout=30,
        )
        live = {workflow["name"]: workflow["isDeployed"] for workflow in answer.json()["data"]}
        assert live == {"Approve": False, "Classify support": True, "Summarise": True}
        assert json.loads(run(sync))["output"]["content"] == answered["output"]["content"]


def _undeploy(known: dict[str, Any], name: str) -> None:
    """Take an example off the net."""
    with Door(Profile(known["baseUrl"], known["apiKey"], known["workspaceId"])) as door:
        (workflow_id,) = (each["id"] for each in door.workflows() if each["name"] == name)
        door.call("DELETE", f"/api/v1/workflows/{workflow_id}/deploy")


def test_a_killed_one_leaves_nothing_running(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port) as started:
        started.await_ready()
        children = started.descendants()
        started.process.send_signal(signal.SIGKILL)
        await_gone(children)


def test_a_run_that_was_under_way_when_it_was_killed_is_told_as_lost_after_the_next_start(
    tmp_path: Path, free_port: int
) -> None:
    with up(tmp_path, free_port) as first:
        first.await_ready()
        known = credentials(tmp_path)
        call = _waiting_call(known)
        caller = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _await_logged(known, "processing")
        first.process.send_signal(signal.SIGKILL)
        caller.wait(SECONDS)

    with up(tmp_path, free_port) as second:
        second.await_ready()
        lost = _await_logged(known, "failed")
    assert lost["executionData"]["error"] == "The worker was stopped before the run ended"
    assert lost["totalDurationMs"] > 0
    assert lost["executionData"]["traceSpans"][0]["status"] == "error"


def _waiting_call(known: dict[str, Any]) -> list[str]:
    """A curl command that calls a run of five minutes."""
    waits = workflow("Waits", [start(), block("wait", "wait", "Wait", timeValue="300")], ("start", "wait"))
    with Door(Profile(known["baseUrl"], known["apiKey"], known["workspaceId"])) as door:
        workflow_id = import_file(door, waits)["id"]
        deploy(door, workflow_id)
    url = f"{known['baseUrl']}/api/workflows/{workflow_id}/execute"
    return ["curl", "-s", "-X", "POST", "-H", f"X-API-Key: {known['apiKey']}", url]


def _await_logged(known: dict[str, Any], status: str) -> dict[str, Any]:
    """The newest run, once it is in this state."""
    deadline = time.monotonic() + SECONDS
    headers = {"x-api-key": known["apiKey"]}
    with httpx.Client(base_url=known["baseUrl"], headers=headers, timeout=30) as api:
        while True:
            listed = api.get("/api/v1/logs", params={"workspaceId": known["workspaceId"]}).json()["data"]
            if listed and listed[0]["status"] == status:
                return dict(api.get(f"/api/v1/logs/{listed[0]['id']}").json()["data"])
            assert time.monotonic() < deadline, listed
            time.sleep(0.1)


def test_a_program_is_told_what_it_needs(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port, "--json") as started:
        started.await_ready("}\n")
        told = json.loads(started.output)
        known = credentials(tmp_path)
        assert (told["url"], told["apiKey"], told["workspaceId"]) == (
            known["baseUrl"],
            known["apiKey"],
            known["workspaceId"],
        )
        run_url = f"{told['url']}/api/workflows/{told['workflows']['summarise']}/execute"
        answered = httpx.post(run_url, headers={"x-api-key": told["apiKey"]}, json={"input": "x"}, timeout=30)
        assert answered.json()["success"] is True


def test_a_new_folder_uses_a_mongod_on_the_path_and_keeps_it(tmp_path: Path, free_port: int) -> None:
    program = install(tmp_path / "bin")
    settings = {"PATH": f"{program.parent}:{os.environ['PATH']}", "FLOWPORT_STORE": "auto"}
    with up(tmp_path, free_port, **settings) as first:
        first.await_ready()
        assert "Starting MongoDB 8.0.4 (mongod on PATH)\n" in first.output
        assert "  Store        MongoDB 8.0.4 (mongod on PATH)\n" in first.output
        assert json.loads(run(printed_commands(first.output)[0]))["success"] is True
        assert open_to_others(tmp_path / ".flowport") == []
        known = credentials(tmp_path)
        children = first.descendants()
        first.process.send_signal(signal.SIGKILL)
        await_gone(children)
    with up(tmp_path, free_port, **settings) as second:
        second.await_ready()
        assert "Starting MongoDB 8.0.4 (mongod on PATH, the store of this folder)\n" in second.output
        assert credentials(tmp_path) == known
    install(tmp_path / "bin", version="4.4.29")
    with up(tmp_path, free_port, **settings) as third:
        assert third.process.wait(SECONDS) == 1
        assert "is version 4.4.29, and 7.0 or later is needed: install mongod 7.0 or later" in third.output


def test_a_stack_uses_a_mongod_on_the_path_too(tmp_path: Path, free_port: int) -> None:
    program = install(tmp_path / "bin")
    settings = {"PATH": f"{program.parent}:{os.environ['PATH']}", "FLOWPORT_STORE": "auto"}
    with contextlib.ExitStack() as reserved:
        for service in ("DEPLOY", "JOBS", "EXECUTOR"):
            settings[f"FLOWPORT_{service}_PORT"] = str(reserved.enter_context(reserve_port()).lend())
        with up(tmp_path, free_port, "--json", command="stack", **settings) as started:
            started.await_ready("}\n")
            told = json.loads(started.output)
            assert told["store"] == "MongoDB 8.0.4 (mongod on PATH)"
            run_url = f"{told['url']}/api/workflows/{told['workflows']['summarise']}/execute"
            queue = {"x-api-key": told["apiKey"], "x-execution-mode": "async"}
            answered = httpx.post(run_url, headers=queue, json={"input": "x"}, timeout=30)
            assert answered.status_code == 202


def test_nothing_in_its_folder_is_open_to_other_users(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port) as started:
        started.await_ready()
        assert open_to_others(tmp_path / ".flowport") == []


def test_an_address_for_people_out_there_is_no_address_to_start_with(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port, FLOWPORT_PUBLIC_URL="https://flows.invalid") as running:
        running.await_ready()
        known = credentials(tmp_path)
    assert known["baseUrl"] == f"http://127.0.0.1:{free_port}"


def test_ctrl_c_ends_it_without_an_error(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port) as started:
        started.await_ready()
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(SECONDS) == 0
        assert "Traceback" not in started.output


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with up(tmp_path, taken) as refused:
            assert refused.process.wait(SECONDS) == 1
            assert f"port {taken}" in refused.output
            assert "Traceback" not in refused.output


def test_two_in_one_folder_are_told_of_each_other(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port) as first:
        first.await_ready()
        (tmp_path / "output.txt").rename(tmp_path / "first.txt")
        with reserve_port() as other, up(tmp_path, other.lend()) as second:
            assert second.process.wait(SECONDS) == 1
            told = " ".join(second.output.split())
            assert f"in use by process {first.process.pid}, which answers at http" in told
