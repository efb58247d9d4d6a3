"""The store of the tests: SecantusDB as a child process, or the server that FLOWPORT_TEST_MONGODB_URI names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from flowport.servers.secantus import SecantusServer

__all__ = ["SecantusServer", "mongodb_prefix", "mongodb_uri", "secantus", "secantus_of_my_own", "throwaway_server"]


@contextmanager
def throwaway_server(data_dir: Path) -> Iterator[SecantusServer]:
    """A server for as long as the block lasts. Its data is thrown away: it is killed, which is quicker than an end."""
    server = SecantusServer(data_dir)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def secantus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server of this test session. Whoever stops or kills it starts it again, or makes one of their own."""
    with throwaway_server(tmp_path_factory.mktemp("secantus")) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_uri(request: pytest.FixtureRequest) -> str:
    """Where the tests' store is."""
    uri = os.environ.get("FLOWPORT_TEST_MONGODB_URI")
    if uri:
        return uri
    server: SecantusServer = request.getfixturevalue("secantus")
    return server.uri


@pytest.fixture
def mongodb_prefix(mongodb_uri: str) -> Iterator[str]:
    """A database prefix of this test alone; every database with it is dropped afterwards."""
    prefix = f"test_{uuid4().hex[:12]}"
    yield prefix
    with MongoClient[dict[str, object]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@pytest.fixture
def secantus_of_my_own(tmp_path: Path) -> Iterator[SecantusServer]:
    """A server that this test alone may stop, kill and restart."""
    with throwaway_server(tmp_path / "secantus") as server:
        yield server
