"""The stand-in itself: a proxy that adds a replica set of one member to a SecantusDB behind it."""

import argparse
import asyncio
import json
import os
import signal
import ssl
import stat
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import bson

from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import accepts_connections
from flowport.servers.secantus import find_program

ELECTION_SECONDS = 0.3
START_SECONDS = 60
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
HEADER = struct.Struct("<iiii")
OF_ANY_STATE = {
    "hello",
    "ismaster",
    "buildinfo",
    "ping",
    "saslstart",
    "saslcontinue",
    "endsessions",
    "replsetinitiate",
    "replsetgetconfig",
    "replsetreconfig",
}
"""Answer of a member that is not primary."""
OF_REPLICA_SETS = {"replsetinitiate", "replsetgetconfig", "replsetreconfig"}
Document = dict[str, Any]


def refuse(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(2)


class Options(argparse.ArgumentParser):
    """Options with mongod's names, without abbreviations."""

    def __init__(self) -> None:
        super().__init__(prog="mongod", allow_abbrev=False)
        for name in ("dbpath", "port", "bind_ip", "replSet", "keyFile", "oplogSize", "wiredTigerCacheSizeGB"):
            self.add_argument(f"--{name}")
        for name in ("logpath", "unixSocketPrefix", "tlsCertificateKeyFile", "tlsCAFile"):
            self.add_argument(f"--{name}")
        self.add_argument("--tlsMode", choices=["disabled", "allowTLS", "preferTLS", "requireTLS"])
        self.add_argument("--setParameter", action="append", default=[])
        for name in ("auth", "noauth", "quiet", "nounixsocket", "logappend"):
            self.add_argument(f"--{name}", action="store_true")

    def error(self, message: str) -> NoReturn:
        refuse(f"Error parsing command line: {message}\ntry 'mongod --help' for more information")


class Rejected(Exception):
    """An answer with an error code."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.document = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


class ReplicaSet:
    """A replica set as its only member sees it; the configuration is stored beside the data."""

    def __init__(self, name: str, host: str, file: Path) -> None:
        self._name = name
        self._host = host
        self._file = file
        self._config: Document | None = json.loads(file.read_text()) if file.exists() else None
        self._elected_at = time.monotonic() + ELECTION_SECONDS

    @property
    def is_primary(self) -> bool:
        return self._is_member and time.monotonic() >= self._elected_at

    @property
    def _is_member(self) -> bool:
        return self._config is not None and self._config["members"][0]["host"] == self._host

    def hello(self, answer: Document) -> Document:
        """Return SecantusDB's `answer` as a member would give it."""
        rest = {name: value for name, value in answer.items() if name not in ("topologyVersion", "secondary")}
        state: Document = {"isWritablePrimary": self.is_primary, "ismaster": self.is_primary, "secondary": False}
        if self._config is None:
            return {**rest, **state, "isreplicaset": True}
        if not self._is_member:
            return {**rest, **state, "isreplicaset": True}
        state["secondary"] = not self.is_primary
        named = {"setName": self._name, "setVersion": self._config["version"], "me": self._host, "hosts": [self._host]}
        return {**rest, **state, **named}

    def execute(self, command: Document) -> Document:
        """Return the answer to a command about replica sets. Raises Rejected."""
        name = next(iter(command))
        if name == "replSetInitiate":
            if self._config is not None:
                raise Rejected(23, "AlreadyInitialized", "already initialized")
            self._install({"version": 1, "term": 1, **command[name]})
        elif self._config is None:
            raise Rejected(94, "NotYetInitialized", "no replset config has been received")
        elif name == "replSetReconfig":
            if not self.is_primary and not command.get("force"):
                raise Rejected(10107, "NotWritablePrimary", "New config is not forced and this is no primary")
            if command[name]["version"] <= self._config["version"]:
                raise Rejected(103, "NewReplicaSetConfigurationIncompatible", "version is not newer")
            self._install(command[name])
        return {"ok": 1.0, "config": self._config}

    def _install(self, config: Document) -> None:
        if config["_id"] != self._name:
            raise Rejected(93, "InvalidReplicaSetConfig", f"this is a member of {self._name}")
        if [member["host"] for member in config["members"]] != [self._host]:
            raise Rejected(74, "NodeNotFound", "No host described in new configuration maps to this node")
        self._config = config
        self._file.write_text(json.dumps(config))
        self._elected_at = time.monotonic() + ELECTION_SECONDS


class Session:
    """One client's connection, and ours to SecantusDB for it."""

    def __init__(self, replica_set: ReplicaSet, version: str) -> None:
        self._set = replica_set
        self._version = version
        self._asked: dict[int, Document] = {}

    async def pass_requests(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request_id, code, payload = await _message(reader)
                command = _command(code, payload)
                name = next(iter(command)).lower()
                self._asked[request_id] = command
                if name in OF_REPLICA_SETS or (name not in OF_ANY_STATE and not self._set.is_primary):
                    # This answer of SecantusDB shows whether the client may run administrator commands.
                    probe = {"listDatabases": 1, "nameOnly": True, "$db": "admin"}
                    payload = struct.pack("<iB", 0, 0) + bson.encode(probe)
                server.write(_framed(request_id, 0, code, payload))
                await server.drain()
        server.close()

    async def pass_answers(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = HEADER.unpack(await reader.readexactly(HEADER.size))
                payload = await reader.readexactly(header[0] - HEADER.size)
                command = self._asked.pop(header[2], {})
                prefix = 5 if header[3] == OP_MSG else 20
                answer = self._answer(command, bson.decode(payload[prefix:]))
                if answer is not None:
                    payload = payload[:prefix] + bson.encode(answer)
                client.write(_framed(header[1], header[2], header[3], payload))
                await client.drain()
        client.close()

    def _answer(self, command: Document, answer: Document) -> Document | None:
        """Return what to answer instead of SecantusDB's `answer`, or None to pass it on."""
        name = next(iter(command), "").lower()
        if name in ("hello", "ismaster"):
            return self._set.hello(answer)
        if name == "buildinfo":
            known = {key: value for key, value in answer.items() if key != "secantusVersion"}
            return {**known, "version": self._version}
        if not answer["ok"]:
            return None
        try:
            if name in OF_REPLICA_SETS:
                return self._set.execute(command)
            if name not in OF_ANY_STATE and "databases" in answer and name != "listdatabases":
                raise Rejected(10107, "NotWritablePrimary", "not primary")
        except Rejected as rejected:
            return rejected.document
        return None


async def _message(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    length, request_id, _, code = HEADER.unpack(await reader.readexactly(HEADER.size))
    return request_id, code, await reader.readexactly(length - HEADER.size)


def _framed(request_id: int, response_to: int, code: int, payload: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), request_id, response_to, code) + payload


def _command(code: int, payload: bytes) -> Document:
    """Return the command of a message; documents of further sections are left out."""
    start = 5 if code == OP_MSG else payload.index(b"\0", 4) + 9
    (size,) = struct.unpack_from("<i", payload, start)
    return dict(bson.decode(payload[start : start + size]))


def _check(options: argparse.Namespace) -> None:
    if options.dbpath is None or not Path(options.dbpath).is_dir():
        refuse(f"NonExistentPath: Data directory {options.dbpath} not found")
    if options.auth and options.replSet and not options.keyFile:
        refuse("BadValue: security.keyFile is required when authorization is enabled with replica sets")
    if options.keyFile:
        key = Path(options.keyFile)
        if key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            refuse(f"permissions on {key} are too open")
        if not 6 <= len(key.read_text().strip()) <= 1024:
            refuse(f"security key in {key} has a length that is not permitted")
    if options.tlsMode == "requireTLS" and not options.tlsCertificateKeyFile:
        refuse("need tlsCertificateKeyFile or certificateSelector when TLS is enabled")


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tlsMode != "requireTLS":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tlsCertificateKeyFile)
    context.load_verify_locations(options.tlsCAFile)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(options: argparse.Namespace, behind: int, version: str) -> None:
    dbpath = Path(options.dbpath)
    address = f"{options.bind_ip}:{options.port}"
    replica_set = ReplicaSet(options.replSet, address, dbpath / "replset.json")

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, behind)
        session = Session(replica_set, version)
        await asyncio.gather(session.pass_requests(reader, server_writer), session.pass_answers(server_reader, writer))

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await asyncio.start_server(connect, options.bind_ip, int(options.port), ssl=_tls(options))
    await stopped.wait()


def main(arguments: list[str], version: str) -> None:
    """Run as mongod does."""
    options = Options().parse_args(arguments)
    _check(options)
    dbpath = Path(options.dbpath)
    config = dbpath / "secantusd.toml"
    config.touch()
    with reserve_port() as port:
        command = [find_program(), "--config", str(config), "--host", LOOPBACK, "--port", str(port.lend())]
        storage = ["--storage-path", str(dbpath / "db"), "--log-level", "WARNING", "--standalone"]
        guard = ["setpriv", "--pdeathsig", "KILL", "--"]
        secantus = subprocess.Popen([*guard, *command, *storage, *(["--auth"] if options.auth else [])])
        deadline = time.monotonic() + START_SECONDS
        while not accepts_connections(port.number):
            if secantus.poll() is not None or time.monotonic() > deadline:
                refuse("SecantusDB behind this mongod did not start")
            time.sleep(0.05)
        try:
            asyncio.run(_serve(options, port.number, version))
        finally:
            secantus.kill()
            secantus.wait(START_SECONDS)
    os._exit(0)
