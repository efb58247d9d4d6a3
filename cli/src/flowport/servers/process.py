"""A server as a child process: it logs to a file, and never outlives us."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flowport.servers.ports import LOOPBACK

STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_LOG_TAIL_BYTES = 2_000


class ServerFailed(Exception):
    """The server could not be started; the message ends with the last lines of its log."""


class ServerProcess:
    """Starts, stops and kills one program. Where the system can do it, the program dies with the starting thread."""

    def __init__(
        self, command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = [*_parent_guard(), *command]
        self._log = log
        self._cwd = cwd
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, *, until: Callable[[], bool], timeout: float) -> None:
        """Run the program until `until` holds. Raises ServerFailed when it ends or takes over `timeout` seconds."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._cwd,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us; we stop our servers in our own order
            )
        deadline = time.monotonic() + timeout
        while not until():
            if self.pid is None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self._command[-1]} did not start: {self._log_tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask the program to end, and kill it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _log_tail(self) -> str:
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or "it said nothing"


def _parent_guard() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
