"""Whether users' code runs in the executor's image, under our seccomp profile and under the engine's own."""

from typing import Final

from tests.engine.daemon import Engine, EngineFailed
from tests.support.dockerfile import ROOT

PROFILE: Final = ROOT / "k8s/seccomp/flowport-executor.json"
REFUSED: Final = "SandboxUnavailable"
_PROGRAM: Final = """
import asyncio
from executor_service.sandbox import JavaScriptSandbox, PythonSandbox, Script

async def main():
    async with JavaScriptSandbox() as javascript, PythonSandbox() as python:
        for sandbox in (javascript, python):
            result = await sandbox.run(Script(code="return 6 * 7"))
            assert result.error is None, result.error
            print(result.value())

asyncio.run(main())
"""
_LOCKED_DOWN: Final = (
    "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges", "--entrypoint", "python",
)  # fmt: skip
"""As compose.yaml runs it."""


def check_sandbox(engine: Engine, image: str) -> None:
    """Raise EngineFailed unless code runs under our profile, and is refused under the engine's default profile."""
    ours = ("--security-opt", f"seccomp={PROFILE}")
    answers = engine.output("run", *_LOCKED_DOWN, *ours, image, "-c", _PROGRAM).split()
    if answers != ["42", "42"]:
        raise EngineFailed(f"users' code answered {answers} under {PROFILE.name}")
    refused = engine.attempt("run", *_LOCKED_DOWN, image, "-c", _PROGRAM)
    if not refused.returncode or REFUSED not in refused.stderr:
        raise EngineFailed(
            f"the engine's default seccomp profile does not refuse the sandbox:\n{refused.stderr[-500:]}"
        )
