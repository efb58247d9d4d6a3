"""A server as a child process. It logs to a file and does not outlive this process."""

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

from flowport.errors import CommandFailed
from flowport.private_files import SECRET_MODE
from flowport.servers.listeners import listening_ports
from flowport.servers.ports import LOOPBACK, ReservedPort

STOP_SECONDS = 15.0
UMASK: Final = 0o077
"""Only the user who runs a server can read its files."""
_POLL_SECONDS = 0.02
_LOG_TAIL_BYTES = 2_000
_launcher: Final = ThreadPoolExecutor(1, thread_name_prefix="launcher")
"""Starts every child: the kernel kills a child when the thread that started it ends, so this thread stays alive."""


class ServerFailed(CommandFailed):
    """The server could not be started; the message ends with the last lines of its log."""


class ServerProcess:
    """Starts, stops and kills one program. On Linux, the program dies with this process.

    `ports` are those that the program listens on. They stay reserved as long as this object exists.
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
        """Return the process id while the program runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """Return the path of the log file."""
        return self._log

    def start(self, *, until: Callable[[], bool], timeout: float) -> None:
        """Start the program and wait until it is ready. Raises ServerFailed if it ends or exceeds `timeout` seconds."""
        self.launch()
        self.await_ready(until=until, timeout=timeout)

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the program without waiting. `environment` replaces its environment for this start."""
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
                why = "ended during startup" if self.pid is None else f"was not ready within {timeout:g} s"
                self.kill()
                raise ServerFailed(f"{self._name} {why}. See {self._log}: {self.log_tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, timeout: float = STOP_SECONDS) -> None:
        """Stop the program with SIGTERM, and with SIGKILL after `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def send_signal(self, signum: signal.Signals) -> None:
        """Send a signal to the program if it runs."""
        if self._process is not None:
            self._process.send_signal(signum)

    def log_tail(self) -> str:
        """Return the end of the log."""
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() or "no output"

    def _listens(self) -> bool:
        """Return whether this program, and not another one, listens on its ports."""
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
                start_new_session=True,  # Ctrl-C must reach only this process, which stops its servers in order
            )


def _parent_guard() -> list[str]:
    setpriv = shutil.which("setpriv")
    # KILL, because SecantusDB can hang on TERM, and no process is left to kill it. All servers survive KILL.
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def accepts_connections(port: int) -> bool:
    """Return whether a server accepts connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
