"""Python for function blocks, on hosts that can confine it."""

from executor_service.sandbox import PythonSandbox, SandboxUnavailable, Script, ScriptResult
from shared.observe.logging import get_logger

log = get_logger("python")


class OptionalPython:
    """Without confinement the service runs without Python, and Python functions fail with an explanation."""

    def __init__(self, sandbox: PythonSandbox) -> None:
        self._sandbox = sandbox
        self._problem: str | None = None

    async def start(self) -> None:
        """Warm the sandbox, if available."""
        try:
            await self._sandbox.start()
        except SandboxUnavailable as error:
            self._problem = error.message
            log.warning("python_sandbox_unavailable", reason=error.message)

    async def stop(self) -> None:
        """End every script."""
        await self._sandbox.stop()

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. Raises SandboxBusy, SandboxUnavailable."""
        if self._problem is not None:
            raise SandboxUnavailable(f"Python is not available on this server: {self._problem}")
        return await self._sandbox.run(script)
