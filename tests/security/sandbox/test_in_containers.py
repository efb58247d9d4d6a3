"""Functions in Python run where a container engine has made the system's settings read-only, as all of them do."""

import subprocess
import sys

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


JAVASCRIPT = """
import asyncio
from executor_service.sandbox import JavaScriptSandbox, SandboxUnavailable, Script

async def main():
    try:
        async with JavaScriptSandbox(needs_namespaces={needs}) as sandbox:
            print((await sandbox.run(Script(code="return 6 * 7"))).value())
    except SandboxUnavailable as refused:
        print(refused)

asyncio.run(main())
"""


@pytest.mark.parametrize(("needs", "said"), [(True, "user namespaces"), (False, "42")])
def test_javascript_runs_without_namespaces_only_where_somebody_says_so(needs: bool, said: str) -> None:
    without = ["--dev-bind", "/", "/", "--cap-drop", "ALL", "--disable-userns"]
    command = ["bwrap", "--unshare-user", "--uid", "10001", "--gid", "10001", *without]
    program = JAVASCRIPT.format(needs=needs)
    done = subprocess.run(
        [*command, sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert said in done.stdout, done.stdout + done.stderr
