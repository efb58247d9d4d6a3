"""Python functions run where the container engine has made the system's settings read-only, as all engines do."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.up import OURS, await_end, up

from shared.web.server import START_FAILED

PROGRAM = """
import asyncio
from executor_service.sandbox import PythonSandbox, Script

async def main():
    async with PythonSandbox() as sandbox:
        print((await sandbox.run(Script(code="import os; return [6 * 7, os.getppid()]"))).value())

asyncio.run(main())
"""


@pytest.mark.parametrize("mount", ["--bind", "--ro-bind"])
def test_an_ordinary_user_runs_python(mount: str) -> None:
    as_engines_have_it = ["--dev-bind", "/", "/", mount, "/proc/sys", "/proc/sys", "--cap-drop", "ALL"]
    command = ["bwrap", "--unshare-user", "--uid", "10001", "--gid", "10001", *as_engines_have_it]
    done = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[42, 1]\n", done.stderr


def test_the_profile_for_kubernetes_allows_what_makes_a_sandbox() -> None:
    profile = json.loads((Path(__file__).parents[3] / "k8s/seccomp/flowport-executor.json").read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    forbidden = {name for rule in profile["syscalls"] for name in rule["names"]}
    making = {"unshare", "setns", "clone", "chroot", "mount", "pivot_root", "prctl", "capset", "seccomp", "prlimit64"}
    assert not forbidden & (making | {"pidfd_open", "pidfd_send_signal", "setsid", "rt_sigaction"})


WITHOUT_NAMESPACES = [
    *("bwrap", "--unshare-user", "--disable-userns", "--uid", "10001", "--gid", "10001"),
    *("--dev-bind", "/", "/", "--cap-drop", "ALL"),
]


def test_an_executor_does_not_start_without_namespaces(free_port: int) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "FLOWPORT_AMQP_URL": "memory://alone",
        "FLOWPORT_TOKEN_EXECUTOR": "token",
        "FLOWPORT_EXECUTOR_PORT": str(free_port),
    }
    command = [*WITHOUT_NAMESPACES, sys.executable, "-m", "executor_service.main"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == START_FAILED, done.stderr
    assert "this host does not allow namespaces" in done.stderr.splitlines()[-1]


def test_flowport_up_starts_without_namespaces_and_logs_it(tmp_path: Path, free_port: int) -> None:
    with up(tmp_path, free_port, program=(*WITHOUT_NAMESPACES, *OURS)) as started:
        started.await_ready()
        children = started.descendants()
        for pid in children:  # bwrap passes no signal on
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        await_end(children)
    logged = "".join(log.read_text() for log in (tmp_path / ".flowport").rglob("*.log"))
    assert '"sandbox_namespaces_unavailable"' in logged


JAVASCRIPT = """
import asyncio
from executor_service.sandbox import JavaScriptSandbox, SandboxUnavailable, Script

async def main():
    try:
        async with JavaScriptSandbox(needs_namespaces={needs}) as sandbox:
            layers = [layer for layer in sandbox.describe() if layer.startswith("process namespace")]
            print((await sandbox.run(Script(code="return 6 * 7"))).value(), layers)
    except SandboxUnavailable as refused:
        print(refused)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("host", "needs", "said"),
    [
        ([], True, "42 ['process namespace for each child']"),
        (["--disable-userns"], True, "user namespaces"),
        (["--disable-userns"], False, "42 []"),
    ],
)
def test_javascript_runs_without_namespaces_only_if_a_setting_allows_it(
    host: list[str], needs: bool, said: str
) -> None:
    common = ["--dev-bind", "/", "/", "--cap-drop", "ALL", *host]
    command = ["bwrap", "--unshare-user", "--uid", "10001", "--gid", "10001", *common]
    program = JAVASCRIPT.format(needs=needs)
    done = subprocess.run(
        [*command, sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert said in done.stdout, done.stdout + done.stderr
