"""The folder that everything of one installation lies in: data, logs, and the credentials for what runs here."""

import errno
import fcntl
import os
import secrets
import shutil
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import msgspec

from flowport.failures import CommandFailed

DEFAULT_NAME: Final = ".flowport"
SECRET_MODE: Final = 0o600
_PRIVATE_MODE: Final = 0o700
_OTHERS: Final = 0o077
_KEY_BYTES: Final = 32
_EARLIER: Final = "The environment keys open secrets that an earlier version sealed."
"""Second line of webhook.key in folders of earlier versions."""
_MIB: Final = 1024 * 1024
_ROOM_BYTES: Final = 200 * _MIB
"""RabbitMQ takes no messages with less than 50 MB left, and the store has to write as well."""
_CANNOT_WRITE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


class HomeInUse(CommandFailed):
    """Another flowport works on the same data."""


class HomeNotWritable(CommandFailed):
    """The folder cannot be made, or nothing can be written there."""


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """How to reach what runs here; the key has every scope."""

    base_url: str
    workspace_id: str
    api_key: str
    admin_email: str
    admin_password: str = ""
    """As it was first set; who changes it later does so without this file."""


class SealingKeys(NamedTuple):
    """Key rings that seal what the store keeps, as settings write them."""

    environment: str
    webhooks: str


class Home:
    """The folder `path`, made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.data = self.path / "data"
        self.credentials_file = self.path / "credentials.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder to ourselves. Raises HomeNotWritable, HomeInUse naming the process that has it.

        What cannot be written inside the block is a HomeNotWritable, too.
        """
        with self._lock_file() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise self._in_use(lock.read().strip()) from None
            self._require_room()
            try:
                lock.truncate(0)
                lock.write(str(os.getpid()))
                lock.flush()
                yield
            except OSError as error:
                if error.errno in _CANNOT_WRITE and self._has(error.filename):
                    raise self._not_writable(error) from error
                raise

    def _in_use(self, process: str) -> HomeInUse:
        known = self.read_credentials()
        where = f", which answers at {known.base_url}" if known else ""
        end = f"; `kill {process}` ends it" if process else ""
        return HomeInUse(f"{self.path} is in use by process {process or 'unknown'}{where}{end}")

    def _lock_file(self) -> TextIO:
        try:
            self.path.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
            if self.path.name == DEFAULT_NAME:  # another folder may contain more than ours
                self.path.chmod(_PRIVATE_MODE)
            make_private(self.logs)
            lock = self.path / "lock"
            lock.touch(SECRET_MODE)
            lock.chmod(SECRET_MODE)
            return lock.open("a+")
        except OSError as error:
            raise self._not_writable(error) from error

    def _has(self, filename: str | None) -> bool:
        """Whether the file, where it is known, is one of ours."""
        return filename is None or Path(filename).is_relative_to(self.path)

    def _require_room(self) -> None:
        left = shutil.disk_usage(self.path).free
        if left < _ROOM_BYTES:
            found = f"{self.path} has room for {left // _MIB} MiB, and {_ROOM_BYTES // _MIB} MiB are needed"
            raise HomeNotWritable(f"{found}: free some, or let FLOWPORT_HOME=… select another folder")

    def _not_writable(self, error: OSError) -> HomeNotWritable:
        found = f"nothing can be written to {error.filename or self.path} ({error.strerror})"
        return HomeNotWritable(f"{found}; FLOWPORT_HOME=… selects another folder")

    def read_credentials(self) -> Credentials | None:
        """What an earlier start wrote, if it can be read."""
        try:
            return msgspec.json.decode(self.credentials_file.read_bytes(), type=Credentials)
        except (OSError, msgspec.DecodeError):
            return None

    def write_credentials(self, credentials: Credentials) -> None:
        """Replace the file at once; only its owner may read it."""
        write_secret(self.credentials_file, msgspec.json.format(msgspec.json.encode(credentials)) + b"\n")

    def sealing_keys(self) -> SealingKeys:
        """Return the operator's keys, or those that are generated once and stored beside the data.

        Earlier versions sealed the secrets of webhooks with the environment keys. In their folders, the environment
        keys still open these secrets; jobs-service seals them with the webhook key when it starts.
        """
        environment, webhooks = self.path / "environment.key", self.path / "webhook.key"
        if not webhooks.exists():
            is_earlier = environment.exists() or self.credentials_file.exists()
            key = new_key(f"webhook-{secrets.token_hex(4)}")
            write_secret(webhooks, "\n".join([key, _EARLIER] if is_earlier else [key]).encode())
        environment_keys = os.environ.get("FLOWPORT_ENVIRONMENT_KEYS")
        if not environment_keys:
            if not environment.exists():
                write_secret(environment, new_key().encode())
            environment_keys = environment.read_text()
        key, *notes = webhooks.read_text().splitlines()
        webhook_keys = f"{key},{environment_keys}" if notes else key
        return SealingKeys(environment_keys, os.environ.get("FLOWPORT_WEBHOOK_KEYS") or webhook_keys)


def make_private(*folders: Path) -> None:
    """Create missing folders, and remove the access of other users to each folder and its contents."""
    for folder in folders:
        folder.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.lstat().st_mode) & _OTHERS:
            for path in (folder, *folder.rglob("*")):
                if not path.is_symlink():
                    path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)


def new_key(key_id: str = "1") -> str:
    """Return a new random key, as settings write keys."""
    return f"{key_id}:{b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def write_secret(file: Path, content: bytes) -> None:
    """Replace `file` at once; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, SECRET_MODE), "wb") as opened:
        opened.write(content)
    draft.replace(file)
