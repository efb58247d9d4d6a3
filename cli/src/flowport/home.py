"""Folder of one installation: data, logs, keys and credentials."""

import errno
import fcntl
import os
import secrets
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import msgspec

from flowport.errors import CommandFailed
from flowport.private_files import PRIVATE_MODE, SECRET_MODE, make_private, write_secret

DEFAULT_NAME: Final = ".flowport"
_KEY_BYTES: Final = 32
_SEALED_WITH_ENVIRONMENT_KEYS: Final = "The environment keys open secrets that an earlier version sealed."
"""Second line of webhook.key in folders of earlier versions."""
_MIB: Final = 1024 * 1024
_MIN_FREE_BYTES: Final = 200 * _MIB
"""RabbitMQ blocks publishers below 50 MB of free disk, and the store needs space as well."""
_CANNOT_WRITE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


class HomeInUse(CommandFailed):
    """Another Flowport process uses the folder."""


class HomeNotWritable(CommandFailed):
    """The folder cannot be created or written."""


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """URL and credentials of the installation. The API key has every scope."""

    base_url: str
    workspace_id: str
    api_key: str
    admin_email: str
    admin_password: str = ""
    """The initial password. Later changes are not written here."""


class Running(msgspec.Struct, frozen=True, rename="camel"):
    """Addresses of the processes that the folder's installation runs. `flowport doctor` checks them."""

    command: str
    process: int
    services: dict[str, str]
    """URLs by service."""
    mongodb_uri: str
    amqp_url: str
    management_url: str = ""
    """RabbitMQ's HTTP API, with user and password; empty if unknown."""


class SealingKeys(NamedTuple):
    """Key rings for secrets in the store, in the format of the settings."""

    environment: str
    webhooks: str


class Home:
    """The folder `path`, created when first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.data = self.path / "data"
        self.credentials_file = self.path / "credentials.json"
        self._running_file = self.path / "running.json"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for this process.

        Raises HomeNotWritable, and HomeInUse with the process that holds the lock. Write errors inside the block raise
        HomeNotWritable as well.
        """
        with self._lock_file() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise self._in_use(lock.read().strip()) from None
            self._require_free_disk()
            try:
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
                yield
            except OSError as error:
                if error.errno in _CANNOT_WRITE and self._contains(error.filename):
                    raise self._not_writable(error) from error
                raise

    def _in_use(self, process: str) -> HomeInUse:
        known = self.read_credentials()
        where = f", which serves {known.base_url}" if known else ""
        end = f". Stop it with `kill {process}`" if process else ""
        return HomeInUse(f"{self.path} is in use by process {process or 'unknown'}{where}{end}")

    def _lock_file(self) -> TextIO:
        try:
            self.path.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
            if self.path.name == DEFAULT_NAME:  # a folder that the user chose may contain other files
                self.path.chmod(PRIVATE_MODE)
            make_private(self.logs)
            lock = self.path / "lock"
            lock.touch(SECRET_MODE)
            lock.chmod(SECRET_MODE)
            return lock.open("a+")
        except OSError as error:
            raise self._not_writable(error) from error

    def _contains(self, filename: str | None) -> bool:
        """Return whether `filename` is unknown or below this folder."""
        return filename is None or Path(filename).is_relative_to(self.path)

    def _require_free_disk(self) -> None:
        free = shutil.disk_usage(self.path).free
        if free < _MIN_FREE_BYTES:
            found = f"{self.path} has {free // _MIB} MiB of free disk, and {_MIN_FREE_BYTES // _MIB} MiB are required"
            raise HomeNotWritable(f"{found}. Free disk space, or select another folder with FLOWPORT_HOME=…")

    def _not_writable(self, error: OSError) -> HomeNotWritable:
        found = f"cannot write to {error.filename or self.path} ({error.strerror})"
        return HomeNotWritable(f"{found}. Select another folder with FLOWPORT_HOME=…")

    def read_credentials(self) -> Credentials | None:
        """Return the credentials of an earlier start, or None if they are missing or unreadable."""
        try:
            return msgspec.json.decode(self.credentials_file.read_bytes(), type=Credentials)
        except (OSError, msgspec.DecodeError):
            return None

    def write_credentials(self, credentials: Credentials) -> None:
        """Replace the credentials file atomically. Only its owner can read it."""
        write_secret(self.credentials_file, msgspec.json.format(msgspec.json.encode(credentials)) + b"\n")

    @contextmanager
    def record_running(self, running: Running) -> Iterator[None]:
        """Store the addresses of running processes for the duration of the block. The caller holds the lock."""
        write_secret(self._running_file, msgspec.json.encode(running))
        try:
            yield
        finally:
            self._running_file.unlink(missing_ok=True)

    def read_running(self) -> Running | None:
        """Return the addresses of the running processes; None if no process holds the lock."""
        try:
            with (self.path / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        except OSError:
            return None
        else:
            return None
        try:
            return msgspec.json.decode(self._running_file.read_bytes(), type=Running)
        except (OSError, msgspec.DecodeError):
            return None

    def sealing_keys(self) -> SealingKeys:
        """Return the operator's keys from the environment, or keys that are generated once and stored in the folder.

        Earlier versions sealed the secrets of webhooks with the environment keys. In their folders, the environment
        keys still open these secrets; jobs-service seals them with the webhook key when it starts.
        """
        environment, webhooks = self.path / "environment.key", self.path / "webhook.key"
        if not webhooks.exists():
            is_earlier = environment.exists() or self.credentials_file.exists()
            key = new_key(f"webhook-{secrets.token_hex(4)}")
            write_secret(webhooks, "\n".join([key, _SEALED_WITH_ENVIRONMENT_KEYS] if is_earlier else [key]).encode())
        environment_keys = os.environ.get("FLOWPORT_ENVIRONMENT_KEYS")
        if not environment_keys:
            if not environment.exists():
                write_secret(environment, new_key().encode())
            environment_keys = environment.read_text()
        key, *notes = webhooks.read_text().splitlines()
        webhook_keys = f"{key},{environment_keys}" if notes else key
        return SealingKeys(environment_keys, os.environ.get("FLOWPORT_WEBHOOK_KEYS") or webhook_keys)


def new_key(key_id: str = "1") -> str:
    """Return a new random key, in the format of the settings."""
    return f"{key_id}:{b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"
