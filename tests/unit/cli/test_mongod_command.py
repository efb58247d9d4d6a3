"""Command line of mongod, and initiation of its replica set."""

from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from flowport.servers.mongod import MongodServer, become_primary
from flowport.servers.ports import LOOPBACK
from flowport.servers.process import ServerFailed
from flowport.servers.store_server import Client

HOST = "127.0.0.1:27017"
INITIATED = {"_id": "flowport", "members": [{"_id": 0, "host": HOST}]}


@pytest.fixture
def server(tmp_path: Path) -> MongodServer:
    return MongodServer(tmp_path, "/usr/bin/mongod")


def options_of(command: list[str]) -> dict[str, list[str]]:
    """Return the values of each option."""
    found: dict[str, list[str]] = {}
    for word in command[1:]:
        if word.startswith("--"):
            values = found.setdefault(word, [])
        else:
            values.append(word)
    return found


def test_mongod_listens_on_loopback_only(server: MongodServer) -> None:
    command = server._command([])
    assert command[0] == "/usr/bin/mongod"
    options = options_of(command)
    assert options["--bind_ip"] == [LOOPBACK]
    assert options["--port"] == [str(server.port)]
    assert options["--nounixsocket"] == []


def test_mongod_is_a_replica_set_member_with_data_in_its_folder(server: MongodServer, tmp_path: Path) -> None:
    options = options_of(server._command([]))
    assert options["--replSet"] == ["flowport"]
    assert options["--dbpath"] == [str(tmp_path / "db")]


def test_mongod_has_bounded_memory_and_disk_and_stops_quickly(server: MongodServer) -> None:
    options = options_of(server._command([]))
    assert options["--wiredTigerCacheSizeGB"] == ["1"]
    assert options["--oplogSize"] == ["990"]
    assert options["--setParameter"] == [
        "shutdownTimeoutMillisForSignaledShutdown=100",
        "diagnosticDataCollectionEnabled=false",
    ]


def test_authentication_has_a_key_file(server: MongodServer, tmp_path: Path) -> None:
    options = options_of(server._command(server._authentication()))
    assert options["--auth"] == []
    assert options["--keyFile"] == [str(tmp_path / "keyfile")]
    assert "--tlsMode" not in options


def test_the_first_user_is_created_behind_mutual_tls(server: MongodServer) -> None:
    options = options_of(server._command(server._mutual_tls(Path("/shared.pem"))))
    assert options["--tlsMode"] == ["requireTLS"]
    assert options["--tlsCertificateKeyFile"] == options["--tlsCAFile"] == ["/shared.pem"]
    assert "--auth" not in options


class Member:
    """A fake mongod with scripted responses that records changes."""

    def __init__(self, *primary: bool, config: dict[str, Any] | Exception, answer: Exception | None = None) -> None:
        self._primary = list(primary)
        self._config = config
        self._answer = answer
        self.changes: list[tuple[str, dict[str, Any], bool]] = []

    @property
    def client(self) -> Client:
        return cast("Client", self)

    @property
    def admin(self) -> "Member":
        return self

    def command(self, name: str, value: Any = None, *, force: bool = False) -> dict[str, Any]:
        if name == "hello":
            return {"isWritablePrimary": self._primary.pop(0) if len(self._primary) > 1 else self._primary[0]}
        if name == "replSetGetConfig":
            if isinstance(self._config, Exception):
                raise self._config
            return {"config": self._config}
        self.changes.append((name, value, force))
        self._config = value
        if self._answer is not None:
            raise self._answer
        return {}


def failure(code: int) -> OperationFailure:
    return OperationFailure("no", code)


def test_a_new_member_initiates_its_replica_set_once_and_waits_for_its_election() -> None:
    member = Member(False, False, False, True, config=failure(94))
    become_primary(member.client, HOST)
    assert member.changes == [("replSetInitiate", INITIATED, False)]


def test_a_primary_is_not_reconfigured() -> None:
    member = Member(True, config={**INITIATED, "version": 1})
    become_primary(member.client, HOST)
    assert member.changes == []


def test_a_member_before_its_election_is_not_reconfigured() -> None:
    member = Member(False, False, True, config={**INITIATED, "version": 1})
    become_primary(member.client, HOST)
    assert member.changes == []


def test_an_already_initialized_member_is_not_initiated_twice() -> None:
    member = Member(False, False, True, config=failure(94), answer=failure(23))
    become_primary(member.client, HOST)
    assert len(member.changes) == 1


def test_a_member_on_another_port_is_moved() -> None:
    earlier = {"_id": "flowport", "version": 3, "members": [{"_id": 0, "host": "127.0.0.1:1", "priority": 1}]}
    member = Member(False, False, True, config=earlier)
    become_primary(member.client, HOST)
    moved = {"_id": "flowport", "version": 4, "members": [{"_id": 0, "host": HOST, "priority": 1}]}
    assert member.changes == [("replSetReconfig", moved, True)]


def test_a_member_that_is_never_elected_fails_with_the_last_problem() -> None:
    member = Member(False, config=AutoReconnect("connection closed"))
    with pytest.raises(ServerFailed, match=rf"{HOST} did not become the primary .* within 0\.2 s: connection closed"):
        become_primary(member.client, HOST, timeout=0.2)


def test_an_authentication_failure_is_not_retried() -> None:
    with pytest.raises(OperationFailure):
        become_primary(Member(False, config=failure(18)).client, HOST)
