"""MongoDB: a mongod of the machine as a replica set of one member, since transactions need a replica set."""

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from flowport.private_files import make_private, write_secret
from flowport.servers.passwords import StoredPassword
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed
from flowport.servers.store_server import USER, USERS, Client, StoreServer

PROGRAM: Final = "mongod"
OLDEST: Final = (7, 0)
"""The minimum that `flowport doctor` accepts."""
REPLICA_SET: Final = "flowport"
PRIMARY_SECONDS: Final = 60.0
CACHE_GB: Final = "1"
"""MongoDB's own default is half of the memory."""
OPLOG_MB: Final = "990"
"""MongoDB's lower bound; its own default is 5 % of the free disk."""
_PARAMETERS: Final = {
    # By default mongod waits 15 s for clients at each stop; these clients have already disconnected.
    "shutdownTimeoutMillisForSignaledShutdown": "100",
    # Diagnostic data takes up to 200 MB.
    "diagnosticDataCollectionEnabled": "false",
}
_VERSION_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05
_VERSION: Final = re.compile(r"^db version v((\d+)\.(\d+)\S*)", re.MULTILINE)

# Codes of MongoDB's error_codes.yml.
_AUTHENTICATION_FAILED: Final = 18
_ALREADY_INITIALIZED: Final = 23
_NOT_YET_INITIALIZED: Final = 94


class MongodUnusable(ServerFailed):
    """No usable mongod is on the PATH. The message is the reason."""


class Mongod(NamedTuple):
    """A mongod executable."""

    path: str
    version: str

    @classmethod
    def on_path(cls) -> Self:
        """Return the one on the PATH. Raises MongodUnusable."""
        path = shutil.which(PROGRAM)
        if path is None:
            raise MongodUnusable(f"no {PROGRAM} on PATH")
        try:
            asked = subprocess.run(  # noqa: S603 - our own command, no shell
                [path, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MongodUnusable(f"{path} does not run: {error}") from error
        found = _VERSION.search(asked.stdout)
        if asked.returncode or found is None:
            said = asked.stderr.strip() or asked.stdout.strip() or "no output"
            raise MongodUnusable(f"{path} --version failed with {asked.returncode}: {said}")
        version, major, minor = found.groups()
        if (int(major), int(minor)) < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise MongodUnusable(f"{path} is version {version}; {needed} or later is required")
        return cls(path, version)


class MongodServer(StoreServer):
    """A mongod with its data in `data_dir`.

    The replica set's configuration names the port, so `data_dir` stores the port. Later starts use it while it is free.
    """

    product = "MongoDB"
    _log_name = "mongod.log"
    _start_seconds = 60.0

    def __init__(self, data_dir: Path, program: str) -> None:
        self._port_file = data_dir / "port"
        super().__init__(data_dir, reserve_port(_number_in(self._port_file)))
        self.program = program
        self._key_file = data_dir / "keyfile"

    @property
    def uri(self) -> str:
        """Return the URI for clients. The replica set's name makes clients wait for an election instead of failing."""
        where = f"{USER}:{self._password.value}@{LOOPBACK}:{self.port}"
        return f"mongodb://{where}/?authSource={USERS}&replicaSet={REPLICA_SET}"

    def start(self) -> None:
        """Start the server and wait until it is the primary of its replica set. Raises ServerFailed."""
        super().start()
        try:
            with Client(
                LOOPBACK,
                self.port,
                directConnection=True,
                username=USER,
                password=self._password.value,
                authSource=USERS,
            ) as client:
                become_primary(client, self._host)
        except PyMongoError as error:
            self.stop()
            raise ServerFailed(f"{self.product} in {self.data_dir} is not usable: {error}") from error
        except ServerFailed:
            self.stop()
            raise

    def _command(self, options: Sequence[str]) -> list[str]:
        address = ["--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"]
        storage = ["--dbpath", str(data_of(self.data_dir)), "--wiredTigerCacheSizeGB", CACHE_GB]
        replication = ["--replSet", REPLICA_SET, "--oplogSize", OPLOG_MB]
        parameters = [part for name, value in _PARAMETERS.items() for part in ("--setParameter", f"{name}={value}")]
        return [self.program, *address, *storage, *replication, "--quiet", *parameters, *options]

    def _authentication(self) -> Sequence[str]:
        """Return the authentication options. In a replica set, mongod requires a key file for `--auth`."""
        return ["--auth", "--keyFile", str(self._key_file)]

    def _mutual_tls(self, certificate: Path) -> Sequence[str]:
        file = str(certificate)
        return ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", file, "--tlsCAFile", file]

    def _serve(self, options: Sequence[str]) -> None:
        make_private(data_of(self.data_dir))  # mongod does not create it
        StoredPassword(self._key_file).store()
        write_secret(self._port_file, str(self.port).encode())
        super()._serve(options)

    def _replace_users(self, client: Client) -> None:
        become_primary(client, self._host)  # only a primary can be written to
        super()._replace_users(client)

    @property
    def _host(self) -> str:
        return f"{LOOPBACK}:{self.port}"


def data_of(data_dir: Path) -> Path:
    """Return the folder below `data_dir` that has the documents."""
    return data_dir / "db"


def become_primary(client: Client, host: str, *, timeout: float = PRIMARY_SECONDS) -> None:
    """Make the server of `client` the primary of a replica set whose only member is `host`.

    The replica set may exist, also under another port. Raises ServerFailed after `timeout` seconds, OperationFailure
    when the server rejects the user of `client`.
    """
    deadline = time.monotonic() + timeout
    problem: Exception | None = None
    while True:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
            _configure(client, host)
        except (OperationFailure, ConnectionFailure) as error:  # it may be starting or electing
            if isinstance(error, OperationFailure) and error.code == _AUTHENTICATION_FAILED:
                raise
            problem = error
        if time.monotonic() > deadline:
            said = f": {problem}" if problem else ""
            raise ServerFailed(f"{host} did not become the primary of its replica set within {timeout:g} s{said}")
        time.sleep(_POLL_SECONDS)


def _configure(client: Client, host: str) -> None:
    """Initiate the replica set, or move its member to `host`. Raises PyMongoError."""
    try:
        config: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        _initiate(client, {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        return
    (member,) = config["members"]
    if member["host"] != host:
        moved = {**config, "version": config["version"] + 1, "members": [{**member, "host": host}]}
        # There is no primary: the only member does not find its own address in the configuration.
        client.admin.command("replSetReconfig", moved, force=True)


def _initiate(client: Client, config: dict[str, Any]) -> None:
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:  # mongod was still reading its configuration
            raise


def _number_in(file: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return None
