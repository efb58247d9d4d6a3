"""A MongoDB-compatible store as a child process on loopback."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, TypeAlias

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from flowport.private_files import make_private
from flowport.servers.certificate import write_shared_certificate
from flowport.servers.passwords import StoredPassword
from flowport.servers.ports import LOOPBACK, ReservedPort
from flowport.servers.process import ServerFailed, ServerProcess

USER: Final = "flowport"
USERS: Final = "admin"
"""Database that the user belongs to."""

Client: TypeAlias = MongoClient[dict[str, Any]]


class StoreServer(ABC):
    """A store with its data in `data_dir`. Its port stays the same over restarts.

    Its only user has a generated password, stored in `data_dir`. Data without that file, from an earlier version or a
    copy, gets a new user and keeps its documents.
    """

    product: ClassVar[str]
    _log_name: ClassVar[str]
    _start_seconds: ClassVar[float]

    def __init__(self, data_dir: Path, port: ReservedPort) -> None:
        self.data_dir = data_dir
        self._port = port
        self.port = port.number
        self._password = StoredPassword(data_dir / "password")
        self._process: ServerProcess | None = None

    @property
    @abstractmethod
    def uri(self) -> str:
        """Return the URI for clients, with the password."""

    @property
    def pid(self) -> int | None:
        """Return the process id while the server runs."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """Return the path of the log file."""
        return self.data_dir / self._log_name

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Raises ServerFailed."""
        make_private(self.data_dir)
        if not self._password.is_stored:
            self._create_user()
        self._serve(self._authentication())

    def stop(self) -> None:
        """Stop the server."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Kill the server. Its data stays."""
        if self._process:
            self._process.kill()

    def restart(self) -> None:
        """Stop the server if it runs, and start it on the same data and port."""
        self.stop()
        self.start()

    @abstractmethod
    def _command(self, options: Sequence[str]) -> list[str]:
        """Return the command line with `options` added. Raises ServerFailed when the program is not installed."""

    @abstractmethod
    def _authentication(self) -> Sequence[str]:
        """Return the options that make the server authenticate its clients."""

    @abstractmethod
    def _mutual_tls(self, certificate: Path) -> Sequence[str]:
        """Return the options that make the server require `certificate` from its clients."""

    def _environment(self) -> Mapping[str, str] | None:
        """Return the environment of the server; None inherits that of this process."""
        return None

    def _end_setup(self) -> None:
        """Stop the process that created the user."""
        self.stop()

    def _create_user(self) -> None:
        """Make the user of `uri` the only one. Raises ServerFailed.

        The server does not authenticate clients while this runs: it must accept the first user, and may contain users
        of an earlier installation. Instead it requires TLS with a client certificate whose key only this process has,
        so that no other user of the machine can connect.
        """
        with TemporaryDirectory(prefix="flowport-") as folder:
            certificate = Path(folder) / "shared.pem"
            write_shared_certificate(certificate)
            file = str(certificate)
            self._serve(self._mutual_tls(certificate))
            try:
                with Client(
                    LOOPBACK, self.port, directConnection=True, tlsCAFile=file, tlsCertificateKeyFile=file
                ) as client:
                    self._replace_users(client)
            except PyMongoError as error:
                raise ServerFailed(f"{self.product} in {self.data_dir} did not create a user: {error}") from error
            finally:
                self._end_setup()
        self._password.store()

    def _replace_users(self, client: Client) -> None:
        users = client[USERS]
        for database in users["system.users"].distinct("db"):
            client[database].command("dropAllUsersFromDatabase")
        users.command("createUser", USER, pwd=self._password.value, roles=["root"])
        users.command("fsync")

    def _serve(self, options: Sequence[str]) -> None:
        self._process = ServerProcess(
            self._command(options),
            name=self.product,
            log=self.log,
            cwd=self.data_dir,
            ports=(self._port,),
            environment=self._environment(),
        )
        self._process.start(until=lambda: True, timeout=self._start_seconds)
