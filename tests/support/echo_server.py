"""A process that runs the HTTP server of the services, with an application that answers with the request it got."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from flowport.servers.ports import reserve_port

START_SECONDS = 60.0
ANSWER_SECONDS = 30.0
CHUNK_BYTES = 1024 * 1024
ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path)}
PROGRAM = """
import asyncio, sys
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response
from shared.settings import CommonSettings
from shared.web.app import create_app
from shared.web.server import serve

router = APIRouter()

@router.api_route("/echo", methods=["GET", "POST", "OPTIONS"])
async def echo(request: Request):
    body = await request.body()
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.scope["headers"]]
    seen = {"headers": headers, "body": body[:1000].decode("latin-1"), "bytes": len(body)}
    return Response(msgspec.json.encode(seen), media_type="application/json")

@router.get("/slow")
async def slow():
    await asyncio.sleep(1)
    return Response(b"slow")

serve(create_app("test", components=(), checks={}, routers=[router]), CommonSettings(), port=int(sys.argv[1]))
"""


class Echo(msgspec.Struct):
    """A request as the application received it."""

    headers: list[tuple[str, str]]
    body: str
    bytes: int


@dataclass(frozen=True)
class EchoServer:
    """The running process."""

    port: int
    pid: int

    def exchange(self, *chunks: bytes) -> bytes:
        """Send the chunks over one connection and return everything that the server sends before it closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS) as caller:
            try:
                for chunk in chunks:
                    caller.sendall(chunk)
            except OSError:
                pass  # refused before its end
            return _read_to_its_end(caller)

    def resident_mib(self) -> float:
        """Return how much memory the process holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def _read_to_its_end(caller: socket.socket) -> bytes:
    received = b""
    try:
        while chunk := caller.recv(CHUNK_BYTES):
            received += chunk
    except ConnectionResetError:
        pass
    return received


@contextmanager
def echo_server() -> Iterator[EchoServer]:
    """Run the server until the block ends."""
    with reserve_port() as reserved:
        port = reserved.lend()
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], env=ENVIRONMENT)
        server = EchoServer(port, process.pid)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _is_up(server):
                assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
                time.sleep(0.05)
            yield server
        finally:
            process.kill()
            process.wait()


def _is_up(server: EchoServer) -> bool:
    try:
        return statuses(server.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == [200]
    except OSError:
        return False


def statuses(received: bytes) -> list[int]:
    """Return the status of each answer in `received`; no body of the tests has a status line."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def echo_of(received: bytes) -> Echo:
    """Return the request that the last answer describes."""
    return msgspec.json.decode(received.rpartition(b"\r\n\r\n")[2], type=Echo)
