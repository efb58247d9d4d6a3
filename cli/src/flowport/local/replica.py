"""Replica of a service: one process, as `flowport stack` and the fault tests run it."""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from signal import SIGCONT, Signals
from typing import Final

import httpx2

from flowport.servers.ports import LOOPBACK, PortInUse, ReservedPort
from flowport.servers.process import ServerFailed, ServerProcess, accepts_connections
from shared.service import ServiceName

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 35.0
"""Slightly more than a service's drain timeout."""

_MODULES: Final[Mapping[ServiceName, str]] = {
    ServiceName.GATEWAY: "gateway.main",
    ServiceName.DEPLOY: "deploy_service.main",
    ServiceName.EXECUTOR: "executor_service.main",
    ServiceName.JOBS: "jobs_service.main",
}
PORT_VARIABLES: Final[Mapping[ServiceName, str]] = {
    ServiceName.GATEWAY: "FLOWPORT_GATEWAY_PORT",
    ServiceName.DEPLOY: "FLOWPORT_DEPLOY_PORT",
    ServiceName.EXECUTOR: "FLOWPORT_EXECUTOR_PORT",
    ServiceName.JOBS: "FLOWPORT_JOBS_PORT",
}


class Replica:
    """Process of a service. The first has the service's name, others a number as suffix."""

    def __init__(
        self, service: ServiceName, number: int, *, port: ReservedPort, logs: Path, environment: Mapping[str, str]
    ) -> None:
        self.service = service
        self.name = service.value if number == 1 else f"{service.value}-{number}"
        self.url = f"http://{LOOPBACK}:{port.number}"
        self._port = port
        self._problem = ""
        self._environment = {**environment, PORT_VARIABLES[service]: str(port.number)}
        self._process = ServerProcess(
            [sys.executable, "-m", _MODULES[service]],
            log=logs / f"{self.name}.log",
            cwd=logs,
            ports=(port,),
            environment=self._environment,
        )

    @property
    def pid(self) -> int | None:
        """Return the process id while the process runs."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """Return the path of the log file."""
        return self._process.log

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the process with `environment` added for this start. `await_ready` waits for it."""
        self._process.launch({**self._environment, **(environment or {})})

    def await_ready(self) -> None:
        """Wait until `/readyz` succeeds.

        Raises PortInUse, and ServerFailed with the reason and the end of the log.
        """
        try:
            self._process.await_ready(until=self._is_ready, timeout=READY_SECONDS)
        except ServerFailed as error:
            if self._port.setting and accepts_connections(self._port.number):
                raise PortInUse(self._port.number, LOOPBACK, setting=self._port.setting) from error
            raise ServerFailed(f"{self.name}: {self._problem}; {error}") from error

    def stop(self) -> None:
        """Stop the process after it has drained."""
        self.send_signal(SIGCONT)
        self._process.stop(timeout=STOP_SECONDS)

    def send_signal(self, signum: Signals) -> None:
        """Send a signal to the process if it runs."""
        self._process.send_signal(signum)

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def _is_ready(self) -> bool:
        if not accepts_connections(self._port.number):  # costs a hundredth of a request; imports take seconds
            self._problem = f"{self.url} is unavailable"
            return False
        try:
            response = _client().get(f"{self.url}/readyz")
        except httpx2.HTTPError as error:
            self._problem = f"{self.url} is unavailable ({str(error) or type(error).__name__})"
            return False
        self._problem = f"not ready: {response.text}"
        return response.is_success


@cache
def _client() -> httpx2.Client:
    """Return the client for all polls: creating one takes 20 times the CPU time of a request."""
    return httpx2.Client(timeout=5.0, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))
