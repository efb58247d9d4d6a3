"""Python functions run where the container engine has made the system's settings read-only, as all engines do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio
from executor_service.sandbox import PythonSandbox, Script

async def main():
    async with PythonSandbox() as sandbox:
        print((await sandbox.run(Script(code="import os; return [6 * 7, os.getpid()]"))).value())

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
