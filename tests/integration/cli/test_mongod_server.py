"""MongoDB as the embedded store, with the stand-in of tests.support.mongod."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure
from tests.support.mongod import VERSION, install
from tests.support.other_user import open_to_others

from flowport.servers.mongod import Mongod, MongodServer, MongodUnusable
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerFailed
from shared.store.client import Store
from shared.store.transactions import Session, transact

Client = MongoClient[dict[str, object]]


def write(server: MongodServer, name: str) -> None:
    with Client(server.uri, w="majority", journal=True) as client:
        client["test"]["stored"].insert_one({"_id": name})


def is_stored(server: MongodServer, name: str) -> bool:
    with Client(server.uri) as client:
        return client["test"]["stored"].find_one({"_id": name}) is not None


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongodServer]:
    """A running server; tests that stop it start it again."""
    server = MongodServer(tmp_path_factory.mktemp("data") / "mongod", str(program))
    server.start()
    yield server
    server.kill()


def test_mongod_is_the_primary_of_a_replica_set_with_one_member(server: MongodServer) -> None:
    with Client(server.uri) as client:
        hello = client.admin.command("hello")
        assert hello["isWritablePrimary"]
        assert hello["hosts"] == [f"{LOOPBACK}:{server.port}"]
    write(server, "first")


async def test_transactions_work(server: MongodServer) -> None:
    store = Store(server.uri, "test_mongod")
    await store.start()

    async def body(session: Session) -> None:
        await store.collection("stored").insert_one({"_id": "1"}, session=session)

    await transact(store, body)
    assert await store.collection("stored").find_one() == {"_id": "1"}
    await store.stop()


def test_only_its_user_has_access(server: MongodServer) -> None:
    with Client(LOOPBACK, server.port, directConnection=True) as stranger:
        with pytest.raises(OperationFailure, match="requires authentication"):
            stranger["test"]["stored"].find_one()
        with pytest.raises(OperationFailure, match="requires authentication"):
            stranger.admin.command("createUser", "intruder", pwd="known", roles=["root"])
        with pytest.raises(OperationFailure, match="requires authentication"):
            stranger.admin.command("replSetGetConfig")


def test_other_users_cannot_open_its_files(server: MongodServer) -> None:
    assert open_to_others(server.data_dir) == []
    assert stat.S_IMODE((server.data_dir / "keyfile").stat().st_mode) == 0o600


def test_no_password_is_in_the_process_list(server: MongodServer) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_text()
    for name in ("password", "keyfile"):
        assert (server.data_dir / name).read_text() not in command


def test_clients_need_the_certificate_until_the_user_exists(
    server: MongodServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder without the password file, as a restored copy may be."""
    refused: list[bool] = []

    def connect(self: MongodServer, client: Client) -> None:
        with (
            Client(LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=500) as stranger,
            pytest.raises(ConnectionFailure),
        ):
            stranger.admin.command("ping")
        refused.append(True)
        replace_users(self, client)

    replace_users = MongodServer._replace_users
    monkeypatch.setattr(MongodServer, "_replace_users", connect)
    write(server, "before the loss")
    with Client(server.uri) as client:
        client.admin.command("createUser", "intruder", pwd="known", roles=["root"])
        client.admin.command("fsync")
    server.stop()
    (server.data_dir / "password").unlink()
    server.start()
    assert refused == [True]
    assert is_stored(server, "before the loss")
    intruder = Client(LOOPBACK, server.port, username="intruder", password="known", directConnection=True)
    with intruder, pytest.raises(OperationFailure, match="uthentication failed"):
        intruder.list_database_names()


def test_acknowledged_writes_survive_a_crash_and_a_restart(server: MongodServer) -> None:
    write(server, "before the crash")
    server.kill()
    server.start()
    write(server, "before the restart")
    server.restart()
    assert is_stored(server, "before the crash")
    assert is_stored(server, "before the restart")


def test_a_later_start_moves_the_replica_set_if_its_port_is_taken(server: MongodServer) -> None:
    write(server, "before the move")
    server.stop()
    with socket.create_server((LOOPBACK, server.port)):
        later = MongodServer(server.data_dir, server.program)
    assert later.port != server.port
    later.start()
    try:
        with Client(later.uri) as client:
            assert client.admin.command("hello")["hosts"] == [f"{LOOPBACK}:{later.port}"]
        assert is_stored(later, "before the move")
    finally:
        later.stop()
    server.start()


def test_a_later_start_uses_the_port_of_the_replica_set(program: Path, tmp_path: Path) -> None:
    (tmp_path / "port").write_text(str(number := reserve_port().number))
    assert MongodServer(tmp_path, str(program)).port == number


def test_a_failed_start_includes_the_log(program: Path, tmp_path: Path) -> None:
    refusing = tmp_path / "mongod"
    refusing.write_text("#!/bin/sh\necho 'Invalid featureCompatibilityVersion document' >&2; exit 62\n")
    refusing.chmod(0o755)
    with pytest.raises(ServerFailed, match=r"MongoDB ended during startup\. See .*mongod\.log: Invalid featureComp"):
        MongodServer(tmp_path / "data", str(refusing)).start()


def test_the_mongod_on_the_path_is_found_with_its_version(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert Mongod.on_path() == (str(program), VERSION)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'db version v6.0.19'", r"is version 6\.0\.19; 7\.0 or later is required"),
        ("echo Illegal instruction >&2; exit 132", r"failed with 132: Illegal instruction"),
        ("echo what", r"failed with 0: what"),
    ],
)
def test_an_unusable_mongod_is_named_with_the_reason(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MongodUnusable, match=rf"{program} .*{reason}"):
        Mongod.on_path()


def test_the_stand_in_rejects_the_options_that_mongod_rejects(program: Path, tmp_path: Path) -> None:
    """The tests above rely on it."""
    server = MongodServer(tmp_path, str(program))
    server._command = lambda options: [str(program), "--dbpath", str(tmp_path), "--storagePath", "x"]  # type: ignore[method-assign]
    with pytest.raises(ServerFailed, match="Error parsing command line"):
        server._serve([])
    server._command = lambda options: [str(program), "--dbpath", str(tmp_path), "--replSet", "x", "--auth"]  # type: ignore[method-assign]
    with pytest.raises(ServerFailed, match="keyFile is required"):
        server._serve([])
