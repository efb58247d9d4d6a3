"""Choice of a folder's store."""

from pathlib import Path

import pytest
from tests.support.mongod import install

from flowport.doctor import Verdict, check_folder
from flowport.home import Home
from flowport.local.store_choice import FolderStore, StoreUnavailable
from flowport.local.store_kinds import NewStore, StoreKind
from flowport.servers.mongod import MongodServer
from flowport.servers.secantus import SecantusServer, installed_version

SECANTUSDB = f"SecantusDB {installed_version()}"
URI = "mongodb://flowport:s3cr%40t@store.example:27017,store2.example:27017/?replicaSet=rs0"
HOSTS = "store.example:27017,store2.example:27017"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".flowport")


@pytest.fixture
def folder(home: Home) -> FolderStore:
    return FolderStore(home)


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with no mongod on it."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    return path


def create_earlier_data(home: Home) -> None:
    """Create SecantusDB data without a record."""
    (home.data / "db").mkdir(parents=True)


def test_a_new_folder_uses_the_mongodb_of_the_setting_and_prints_no_password(folder: FolderStore, path: Path) -> None:
    install(path)
    choice = folder.choose(uri=URI)
    assert choice.kind is StoreKind.EXTERNAL
    assert str(choice) == f"MongoDB at {HOSTS} (FLOWPORT_MONGODB_URI)"
    assert choice.announcement == f"Using {choice}"
    assert choice.uri == URI
    assert folder.server_for(choice) is None


def test_a_new_folder_uses_the_mongod_on_the_path(folder: FolderStore, path: Path) -> None:
    install(path)
    choice = folder.choose()
    assert str(choice) == "MongoDB 8.0.4 (mongod on PATH)"
    assert choice.announcement == f"Starting {choice}"
    assert isinstance(folder.server_for(choice), MongodServer)


def test_a_new_folder_uses_secantusdb_without_mongod(folder: FolderStore) -> None:
    choice = folder.choose()
    assert str(choice) == f"{SECANTUSDB} (no mongod on PATH)"
    assert isinstance(folder.server_for(choice), SecantusServer)


def test_a_new_folder_uses_secantusdb_if_mongod_is_too_old(folder: FolderStore, path: Path) -> None:
    program = install(path, version="4.4.29")
    assert str(folder.choose()) == f"{SECANTUSDB} ({program} is version 4.4.29; 7.0 or later is required)"


def test_a_setting_selects_the_store_of_a_new_folder(folder: FolderStore, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="FLOWPORT_STORE=mongod, but no mongod on PATH"):
        folder.choose(wanted=NewStore.MONGOD)
    install(path)
    assert folder.choose(wanted=NewStore.MONGOD).kind is StoreKind.MONGOD
    assert str(folder.choose(wanted=NewStore.SECANTUSDB)) == f"{SECANTUSDB} (FLOWPORT_STORE=secantusdb)"


def test_a_folder_keeps_secantusdb_when_a_mongod_is_installed_later(folder: FolderStore, path: Path) -> None:
    folder.record(folder.choose())
    install(path)
    assert str(folder.choose()) == f"{SECANTUSDB} (the store of this folder)"


def test_a_folder_of_an_earlier_version_keeps_secantusdb(home: Home, folder: FolderStore, path: Path) -> None:
    create_earlier_data(home)
    install(path)
    assert str(folder.choose()) == f"{SECANTUSDB} (the store of this folder)"
    assert not folder.is_new


def test_a_folder_with_mongodb_data_names_a_fix_without_mongod(home: Home, folder: FolderStore, path: Path) -> None:
    program = install(path)
    folder.record(folder.choose())
    assert str(folder.choose()) == "MongoDB 8.0.4 (mongod on PATH, the store of this folder)"
    program.unlink()
    fix = r"install mongod 7\.0 or later on the PATH, or select another folder with FLOWPORT_HOME=…"
    with pytest.raises(StoreUnavailable, match=rf"{home.path} stores its data in MongoDB, but .*: {fix}"):
        folder.choose()
    install(path, version="4.4.29")
    with pytest.raises(StoreUnavailable, match=rf"is version 4\.4\.29; 7\.0 or later is required: {fix}"):
        folder.choose()


def test_a_folder_with_an_external_mongodb_starts_no_other_store(folder: FolderStore, path: Path) -> None:
    install(path)
    folder.record(folder.choose(uri=URI))
    assert URI not in folder.record_file.read_text()
    with pytest.raises(
        StoreUnavailable, match=rf"FLOWPORT_MONGODB_URI, which is not set: set it, or delete {folder.record_file}"
    ):
        folder.choose()
    folder.record_file.unlink()
    assert folder.choose().kind is StoreKind.MONGOD


def test_an_external_mongodb_overrides_the_folder_without_changing_it(home: Home, folder: FolderStore) -> None:
    create_earlier_data(home)
    choice = folder.choose(uri=URI)
    unused = f"the data of SecantusDB in {home.data} is not used"
    assert str(choice) == f"MongoDB at {HOSTS} (FLOWPORT_MONGODB_URI; {unused})"
    folder.record(choice)
    assert folder.choose().kind is StoreKind.SECANTUSDB


def test_a_setting_does_not_change_the_store_of_an_existing_folder(home: Home, folder: FolderStore, path: Path) -> None:
    create_earlier_data(home)
    install(path)
    assert folder.choose(wanted=NewStore.SECANTUSDB).kind is StoreKind.SECANTUSDB
    with pytest.raises(StoreUnavailable, match="stores its data in SecantusDB, not in MongoDB: unset FLOWPORT_STORE"):
        folder.choose(wanted=NewStore.MONGOD)


@pytest.mark.parametrize("content", [b"", b"{", b'{"store": "later"}'])
def test_an_unreadable_record_is_named(home: Home, folder: FolderStore, content: bytes) -> None:
    home.data.mkdir(parents=True)
    folder.record_file.write_bytes(content)
    with pytest.raises(StoreUnavailable, match=rf"{folder.record_file} names a store that"):
        folder.choose()


def test_the_record_is_closed_to_other_users(folder: FolderStore) -> None:
    folder.record(folder.choose())
    assert folder.record_file.stat().st_mode & 0o077 == 0
    assert folder.record_file.parent.stat().st_mode & 0o077 == 0


def test_the_doctor_names_the_store_of_a_folder_and_the_fix(home: Home, folder: FolderStore, path: Path) -> None:
    assert list(check_folder(home)) == []
    program = install(path)
    folder.record(folder.choose())
    (finding,) = check_folder(home)
    assert (finding.verdict, finding.check) == (Verdict.OK, f"store of {home.path}")
    assert finding.found == "MongoDB 8.0.4 (mongod on PATH, the store of this folder)"
    program.unlink()
    (finding,) = check_folder(home)
    assert finding.verdict is Verdict.PROBLEM
    assert finding.found == f"{home.path} stores its data in MongoDB, but no mongod on PATH"
    assert finding.fix.startswith("install mongod 7.0 or later on the PATH")
