"""Lifecycle of a sandbox without which the executor must not run."""

from executor_service.sandbox import SandboxUnavailable
from shared.service import Component


class HostUnsuitable(Exception):
    """This host cannot confine user code. Waiting does not help, unlike for an unavailable dependency."""


class RequiredSandbox:
    """Component that ends the start of the executor where the host cannot confine user code."""

    def __init__(self, sandbox: Component) -> None:
        self._sandbox = sandbox

    async def start(self) -> None:
        """Warm the sandbox. Raises HostUnsuitable."""
        try:
            await self._sandbox.start()
        except SandboxUnavailable as error:
            raise HostUnsuitable(error.message) from error

    async def stop(self) -> None:
        """End every script."""
        await self._sandbox.stop()
