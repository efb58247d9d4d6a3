"""SecantusDB as a child process."""

from pathlib import Path

import pytest
from pymongo import MongoClient, WriteConcern

from flowport.servers.process import ServerFailed, ServerProcess
from flowport.servers.secantus import SecantusServer


def write(server: SecantusServer, number: int) -> None:
    with MongoClient[dict[str, object]](server.uri) as client:
        collection = client["test"].get_collection("kept", write_concern=WriteConcern(w="majority", j=True))
        collection.insert_one({"_id": number})


def read(server: SecantusServer) -> list[object]:
    with MongoClient[dict[str, object]](server.uri) as client:
        return [found["_id"] for found in client["test"]["kept"].find(sort=[("_id", 1)])]


def test_acknowledged_writes_survive_a_crash_and_a_restart(private_secantus: SecantusServer) -> None:
    write(private_secantus, 1)
    private_secantus.kill()
    assert private_secantus.pid is None
    private_secantus.start()
    write(private_secantus, 2)
    private_secantus.restart()
    assert read(private_secantus) == [1, 2]


def test_stopping_twice_or_before_the_start_is_harmless(tmp_path: Path) -> None:
    server = SecantusServer(tmp_path)
    server.stop()
    server.kill()
    server.start()
    server.stop()
    server.stop()
    assert server.pid is None


def test_a_program_that_ends_during_startup_is_reported_with_its_log(tmp_path: Path) -> None:
    process = ServerProcess(["/bin/sh", "-c", "echo no such data >&2; exit 3"], log=tmp_path / "log", cwd=tmp_path)
    with pytest.raises(ServerFailed, match=r"ended during startup\. See .*: no such data"):
        process.start(until=lambda: False, timeout=30)


def test_a_slow_start_is_reported_as_a_timeout(tmp_path: Path) -> None:
    """A timeout is no failure of the program: on a busy machine a retry may succeed."""
    process = ServerProcess(["/bin/sh", "-c", "echo starting; exec sleep 60"], log=tmp_path / "log", cwd=tmp_path)
    with pytest.raises(ServerFailed, match=r"was not ready within 0\.5 s\. See .*"):
        process.start(until=lambda: False, timeout=0.5)
    assert process.pid is None
