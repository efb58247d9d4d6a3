"""Another user of the same machine, against the servers and files of `flowport up` and `flowport stack`."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import httpx2
import pytest
from aio_pika.exceptions import ProbableAuthenticationError
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from tests.support.other_user import open_to_others, readable_by_another_user

from flowport.home import Home
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerProcess, accepts_connections
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer, find_program

Client = MongoClient[dict[str, object]]
START_SECONDS = 60
REFUSED = "requires authentication|authentication failed"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    made = Path(tempfile.mkdtemp(prefix="flowport-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def home(folder: Path) -> Path:
    return folder / ".flowport"


@pytest.fixture(scope="module")
def store(home: Path) -> Iterator[SecantusServer]:
    server = SecantusServer(home / "data")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def broker(home: Path) -> Iterator[RabbitMQServer]:
    """A server whose data the last of its tests turns into that of an earlier version."""
    server = RabbitMQServer(home / "rabbitmq")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_store(folder: Path) -> Iterator[Path]:
    """A store's data folder of an earlier version: no user, and open to all users."""
    data = folder / "earlier"
    data.mkdir(mode=0o755)
    with reserve_port() as port:
        command = [find_program(), "--host", LOOPBACK, "--port", str(port.number), "--storage-path", str(data / "db")]
        server = ServerProcess([*command, "--standalone"], log=data / "secantus.log", cwd=data, ports=(port,))
        server.start(until=lambda: accepts_connections(port.number), timeout=START_SECONDS)
        with Client(LOOPBACK, port.number) as client:
            client["flowport_gateway"]["keys"].insert_one({"_id": "kept"})
            client["admin"].command("createUser", "intruder", pwd="known", roles=["root"])
            client["elsewhere"].command("createUser", "intruder", pwd="known", roles=[{"role": "root", "db": "admin"}])
        server.stop()
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield data
    shutil.rmtree(data)


def test_it_can_read_no_file(store: SecantusServer, broker: RabbitMQServer, home: Path) -> None:
    assert readable_by_another_user(home) == []
    assert open_to_others(store.data_dir) == open_to_others(broker.data_dir) == []


def test_it_can_neither_read_nor_change_the_store(store: SecantusServer) -> None:
    with Client(LOOPBACK, store.port) as client:
        with pytest.raises(OperationFailure, match=REFUSED):
            client.list_database_names()
        with pytest.raises(OperationFailure, match=REFUSED):
            client["flowport_gateway"]["keys"].insert_one({"_id": "admin"})


def test_it_can_neither_make_a_user_of_the_store_nor_guess_one(store: SecantusServer) -> None:
    with Client(LOOPBACK, store.port) as client, pytest.raises(OperationFailure, match=REFUSED):
        client["admin"].command("createUser", "intruder", pwd="known", roles=["root"])
    guess = Client(LOOPBACK, store.port, username="flowport", password="flowport")
    with guess, pytest.raises(OperationFailure, match=REFUSED):
        guess.list_database_names()


async def test_it_cannot_use_the_broker(broker: RabbitMQServer) -> None:
    with pytest.raises(ProbableAuthenticationError, match="ACCESS_REFUSED"):
        await aio_pika.connect(f"amqp://guest:guest@{LOOPBACK}:{broker.port}/")


def test_it_can_neither_manage_the_broker_nor_read_its_metrics(broker: RabbitMQServer) -> None:
    guest = ("guest", "guest")
    with httpx2.Client(auth=guest, timeout=30, trust_env=False) as client:
        assert client.get(f"http://{LOOPBACK}:{broker.management_port}/api/overview").status_code == 401
        assert client.get(f"http://{LOOPBACK}:{broker.prometheus_port}/metrics").status_code == 401


def test_it_sees_no_password_in_the_list_of_processes(store: SecantusServer, broker: RabbitMQServer) -> None:
    passwords = {(server.data_dir / "password").read_text() for server in (store, broker)}
    commands = [Path(f"/proc/{server.pid}/cmdline").read_text() for server in (store, broker)]
    assert [password for password in passwords for command in commands if password in command] == []


def test_a_store_of_an_earlier_version_keeps_its_data_and_gets_a_password(open_store: Path) -> None:
    server = SecantusServer(open_store)
    server.start()
    try:
        with Client(server.uri) as client:
            assert client["flowport_gateway"]["keys"].find_one() == {"_id": "kept"}
        for database in ("admin", "elsewhere"):
            intruder = Client(LOOPBACK, server.port, username="intruder", password="known", authSource=database)
            with intruder, pytest.raises(OperationFailure, match=REFUSED):
                intruder.list_database_names()
        assert open_to_others(open_store) == []
    finally:
        server.kill()


def test_a_broker_of_an_earlier_version_keeps_its_data_and_gets_a_password(broker: RabbitMQServer) -> None:
    with httpx2.Client(base_url=broker.management_url, timeout=30, trust_env=False) as client:
        client.put("/api/vhosts/kept").raise_for_status()
        client.put("/api/users/guest", json={"password": "guest", "tags": "administrator"}).raise_for_status()
    broker.stop()
    (broker.data_dir / "password").unlink()

    server = RabbitMQServer(broker.data_dir)
    try:
        server.start()
        with httpx2.Client(base_url=server.management_url, timeout=30, trust_env=False) as client:
            assert client.get("/api/vhosts/kept").status_code == 200
            assert client.get("/api/whoami", auth=("guest", "guest")).status_code == 401
    finally:
        server.stop()


def test_a_folder_of_an_earlier_version_is_closed(folder: Path) -> None:
    """Its logs and its lock; the servers' own files are closed when they start."""
    home = Home(folder / "earlier-home" / ".flowport")
    home.logs.mkdir(parents=True)
    for file in (home.logs / "flowport.log", home.path / "lock"):
        file.touch()
    for path in (home.path, *home.path.rglob("*")):
        path.chmod(0o755)
    with home.lock():
        assert open_to_others(home.path) == []
