"""`flowport up` and `flowport stack` with a mongod on the PATH: the stand-in of tests.support.mongod."""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

import httpx2
from tests.support.eventually import eventually
from tests.support.mongod import install
from tests.support.other_user import open_to_others
from tests.support.up import Up, await_end, credentials, printed_commands, run, up

from flowport.servers.ports import reserve_port


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
        await_end(children)
    with up(tmp_path, free_port, **settings) as second:
        second.await_ready()
        assert "Starting MongoDB 8.0.4 (mongod on PATH, the store of this folder)\n" in second.output
        assert credentials(tmp_path) == known


def test_a_stack_uses_a_mongod_on_the_path_too_and_restarts_what_is_killed(tmp_path: Path, free_port: int) -> None:
    program = install(tmp_path / "bin")
    settings = {"PATH": f"{program.parent}:{os.environ['PATH']}", "FLOWPORT_STORE": "auto"}
    with contextlib.ExitStack() as reserved:
        for service in ("DEPLOY", "JOBS", "EXECUTOR"):
            settings[f"FLOWPORT_{service}_PORT"] = str(reserved.enter_context(reserve_port()).lend())
        with up(tmp_path, free_port, "--json", command="stack", **settings) as started:
            started.await_ready("}\n")
            document = json.loads(started.output)
            assert document["store"] == "MongoDB 8.0.4 (mongod on PATH)"
            run_url = f"{document['url']}/api/workflows/{document['workflows']['summarise']}/execute"
            queue = {"x-api-key": document["apiKey"], "x-execution-mode": "async"}
            response = httpx2.post(run_url, headers=queue, json={"input": "x"}, timeout=30)
            assert response.status_code == 202

            (killed,) = _executors(started)
            os.kill(killed, signal.SIGKILL)
            asyncio.run(eventually(lambda: _executors(started) - {killed}))
            answered = httpx2.post(run_url, headers={"x-api-key": document["apiKey"]}, json={"input": "x"}, timeout=60)
            assert answered.json()["success"] is True


def _executors(started: Up) -> set[int]:
    """Return the process ids of executors."""
    return {pid for pid in started.descendants() if b"executor_service.main" in _command_line(pid)}


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
