"""SecantusDB of the tests: a child process, or the server that FLOWPORT_TEST_MONGODB_URI names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from flowport.servers.secantus import SecantusServer

__all__ = [
    "SecantusServer",
    "mongodb",
    "mongodb_prefix",
    "mongodb_uri",
    "private_secantus",
    "secantus",
    "throwaway_server",
]


@contextmanager
def throwaway_server(data_dir: Path) -> Iterator[SecantusServer]:
    """Run a server inside the block. Its data is discarded: it is killed, which is quicker than stopping it."""
    server = SecantusServer(data_dir)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def secantus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server of this test session. A test that stops or kills it starts it again, or uses `private_secantus`."""
    with throwaway_server(tmp_path_factory.mktemp("secantus")) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_uri(request: pytest.FixtureRequest) -> str:
    """Address of the tests' store."""
    uri = os.environ.get("FLOWPORT_TEST_MONGODB_URI")
    if uri:
        return uri
    server: SecantusServer = request.getfixturevalue("secantus")
    return server.uri


@pytest.fixture(scope="session")
def mongodb(mongodb_uri: str) -> Iterator[MongoClient[dict[str, object]]]:
    """Client of the tests' store. A connection takes 12 ms of CPU time on both sides."""
    with MongoClient[dict[str, object]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        yield client


@pytest.fixture
def mongodb_prefix(mongodb: MongoClient[dict[str, object]]) -> Iterator[str]:
    """A database prefix for this test alone; every database with it is dropped afterwards."""
    prefix = f"test_{uuid4().hex[:12]}"
    yield prefix
    for name in mongodb.list_database_names():
        if name.startswith(prefix):
            mongodb.drop_database(name)


@pytest.fixture
def private_secantus(tmp_path: Path) -> Iterator[SecantusServer]:
    """A server that this test alone may stop, kill and restart."""
    with throwaway_server(tmp_path / "secantus") as server:
        yield server
