"""Choice of a folder's store.

A new folder uses the MongoDB of FLOWPORT_MONGODB_URI, else a mongod on the PATH, else SecantusDB. The folder records
the choice beside its data and keeps it.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from flowport.errors import CommandFailed
from flowport.home import Home
from flowport.local.store_kinds import NewStore, StoreKind
from flowport.private_files import make_private, write_secret
from flowport.servers import mongod, secantus
from flowport.servers.mongod import Mongod, MongodServer, MongodUnusable
from flowport.servers.secantus import SecantusServer
from flowport.servers.store_server import StoreServer

URI: Final = "FLOWPORT_MONGODB_URI"
SETTING: Final = "FLOWPORT_STORE"
OF_THIS_FOLDER: Final = "the store of this folder"


class StoreUnavailable(CommandFailed):
    """The folder's store is unavailable, or FLOWPORT_STORE names another one."""


class _Record(msgspec.Struct, frozen=True):
    store: StoreKind


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """The store of a folder. `uri` is that of an external one, `program` the mongod."""

    kind: StoreKind
    name: str
    reason: str
    uri: str = field(default="", repr=False)
    program: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"

    @property
    def announcement(self) -> str:
        """Return the message to print when the store starts."""
        return f"{'Using' if self.kind is StoreKind.EXTERNAL else 'Starting'} {self}"


class FolderStore:
    """The store of one folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._mongod_data = home.data / "mongod"
        self.record_file: Final = home.data / "store.json"

    @property
    def is_new(self) -> bool:
        """Return whether the folder has no store yet."""
        return not self.record_file.exists() and not secantus.data_of(self._home.data).exists()

    def choose(self, *, uri: str = "", wanted: NewStore = NewStore.AUTO) -> StoreChoice:
        """Return the store to use. Raises StoreUnavailable."""
        recorded = self._recorded()
        if uri:
            return StoreChoice(StoreKind.EXTERNAL, f"MongoDB at {_hosts(uri)}", self._reason_for_uri(recorded), uri=uri)
        if recorded is None:
            return self._new(wanted)
        if wanted not in (NewStore.AUTO, recorded.value):
            raise StoreUnavailable(
                f"{self._home.path} stores its data in {_NAMES[recorded]}, not in {_NAMES[StoreKind(wanted)]}:"
                f" unset {SETTING}, or select another folder with FLOWPORT_HOME=…"
            )
        return self._known(recorded)

    def server_for(self, choice: StoreChoice) -> StoreServer | None:
        """Return the server to start, None where an external one runs."""
        if choice.kind is StoreKind.EXTERNAL:
            return None
        if choice.kind is StoreKind.MONGOD:
            return MongodServer(self._mongod_data, choice.program)
        return SecantusServer(self._home.data)

    def record(self, choice: StoreChoice) -> None:
        """Record the choice in a folder that has none. Call it once the store has started."""
        if not self.record_file.exists():
            kind = StoreKind.SECANTUSDB if self._has_earlier_data() else choice.kind
            make_private(self._home.data)
            write_secret(self.record_file, msgspec.json.encode(_Record(kind)) + b"\n")

    def _recorded(self) -> StoreKind | None:
        try:
            return msgspec.json.decode(self.record_file.read_bytes(), type=_Record).store
        except FileNotFoundError:
            return StoreKind.SECANTUSDB if self._has_earlier_data() else None
        except (OSError, msgspec.DecodeError) as error:
            found = f"{self.record_file} names a store that this version does not support ({error})"
            raise StoreUnavailable(f"{found}: use the version that wrote it") from error

    def _has_earlier_data(self) -> bool:
        """Return whether the folder has data of SecantusDB: the only store of versions that recorded none."""
        return secantus.data_of(self._home.data).exists()

    def _new(self, wanted: NewStore) -> StoreChoice:
        if wanted is NewStore.SECANTUSDB:
            return _secantusdb(f"{SETTING}={wanted}")
        try:
            return _mongod(Mongod.on_path(), "mongod on PATH")
        except MongodUnusable as error:
            if wanted is NewStore.MONGOD:
                raise StoreUnavailable(f"{SETTING}={wanted}, but {error}") from error
            return _secantusdb(str(error))

    def _known(self, recorded: StoreKind) -> StoreChoice:
        if recorded is StoreKind.SECANTUSDB:
            return _secantusdb(OF_THIS_FOLDER)
        if recorded is StoreKind.EXTERNAL:
            raise StoreUnavailable(
                f"{self._home.path} uses the MongoDB of {URI}, which is not set: set it, or delete"
                f" {self.record_file} to start with an empty store"
            )
        try:
            return _mongod(Mongod.on_path(), f"mongod on PATH, {OF_THIS_FOLDER}")
        except MongodUnusable as error:
            raise StoreUnavailable(
                f"{self._home.path} stores its data in MongoDB, but {error}: install mongod {_oldest()} or later on the"
                f" PATH, or select another folder with FLOWPORT_HOME=…"
            ) from error

    def _reason_for_uri(self, recorded: StoreKind | None) -> str:
        if recorded in (None, StoreKind.EXTERNAL):
            return URI
        return f"{URI}; the data of {_NAMES[recorded]} in {self._home.data} is not used"


_NAMES: Final = {
    StoreKind.MONGOD: "MongoDB",
    StoreKind.SECANTUSDB: "SecantusDB",
    StoreKind.EXTERNAL: f"the MongoDB of {URI}",
}


def _mongod(found: Mongod, reason: str) -> StoreChoice:
    return StoreChoice(StoreKind.MONGOD, f"{MongodServer.product} {found.version}", reason, program=found.path)


def _secantusdb(reason: str) -> StoreChoice:
    name = f"{SecantusServer.product} {secantus.installed_version()}".strip()
    return StoreChoice(StoreKind.SECANTUSDB, name, reason)


def _oldest() -> str:
    return ".".join(map(str, mongod.OLDEST))


def _hosts(uri: str) -> str:
    """Return the hosts of a URI, without its user and password."""
    return uri.partition("://")[2].rpartition("@")[2].partition("?")[0].partition("/")[0]
