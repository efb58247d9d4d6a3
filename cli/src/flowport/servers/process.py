"""A server as a child process: it logs to a file, and never outlives us."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from flowport.failures import CommandFailed
from flowport.home import SECRET_MODE
from flowport.servers.listeners import listening_ports
from flowport.servers.ports import LOOPBACK, ReservedPort

STOP_SECONDS = 15.0
UMASK: Final = 0o077
"""Only the user who runs a server can open what it writes."""
_POLL_SECONDS = 0.02
_LOG_TAIL_BYTES = 2_000
_launcher: Final = ThreadPoolExecutor(1, thread_name_prefix="launcher")
"""A child is told of the death of the thread that started it, so that thread has to live as long as we do."""


class ServerFailed(CommandFailed):
    """The server could not be started; the message ends with the last lines of its log."""


class ServerProcess:
    """Starts, stops and kills one program. Where the system can do it, the program dies with us.

    `ports` are those that the program listens on itself. They stay reserved for as long as this object exists.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        cwd: Path,
        name: str = "",
        ports: Sequence[ReservedPort] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [*_parent_guard(), *command]
        self._name = name or command[-1]
        self._log = log
        self._cwd = cwd
        self._ports = ports
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._log

    def start(self, *, until: Callable[[], bool], timeout: float) -> None:
        """Run the program until it is ready. Raises ServerFailed when it ends or takes over `timeout` seconds."""
        self.launch()
        self.await_ready(until=until, timeout=timeout)

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Run the program, without waiting for anything; this once in `environment` where it is given."""
        for port in self._ports:
            port.lend()
        self._process = _launcher.submit(self._popen, environment or self._environment).result()

    def await_ready(self, *, until: Callable[[], bool], timeout: float) -> None:
        """Wait until `until` holds and the program listens on its ports.

        Raises ServerFailed when the program ends or takes over `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (until() and self._listens()):
            if self.pid is None or time.monotonic() > deadline:
                why = "ended at its start" if self.pid is None else f"was not ready within {timeout:g} s"
                self.kill()
                raise ServerFailed(f"{self._name} {why}, see {self._log}: {self.log_tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, timeout: float = STOP_SECONDS) -> None:
        """Ask the program to end, and kill it if it does not within `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, if it runs: SIGSTOP freezes it, SIGCONT thaws it."""
        if self._process is not None:
            self._process.send_signal(signum)

    def log_tail(self) -> str:
        """The last that it said."""
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or "it said nothing"

    def _listens(self) -> bool:
        """Return whether the program itself listens on its ports: another program may answer there as well."""
        pid = self.pid
        return pid is not None and listening_ports(pid) >= {port.number for port in self._ports}

    def _popen(self, environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
        with os.fdopen(os.open(self._log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, SECRET_MODE), "ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._cwd,
                env=environment,
                umask=UMASK,
                start_new_session=True,  # Ctrl-C is for us; we stop our servers in our own order
            )


def _parent_guard() -> list[str]:
    setpriv = shutil.which("setpriv")
    # Not TERM: SecantusDB can hang in its orderly end, and no process is left to kill it. All our servers survive KILL.
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
