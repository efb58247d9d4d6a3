"""Reserved ports of child servers."""

import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from flowport.local.replica import Replica
from flowport.servers.ports import LOOPBACK, PortInUse, ReservedPort, reserve_chosen_port, reserve_port
from flowport.servers.process import ServerFailed, ServerProcess
from flowport.servers.secantus import SecantusServer
from shared.service import ServiceName

PROCESSES = 4
RESERVATIONS = 200
RESERVE = f"""
import sys
from flowport.servers.ports import reserve_port
held = [reserve_port() for _ in range({RESERVATIONS})]
print(*(port.number for port in held), flush=True)
sys.stdin.read()
"""
LISTEN = """
import socket, sys, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
"""


def bind(port: int, *, host: str = LOOPBACK, reuse: int | None = None) -> None:
    """Take the port as another program would. Raises OSError."""
    with socket.socket() as taking:
        if reuse is not None:
            taking.setsockopt(socket.SOL_SOCKET, reuse, 1)
        taking.bind((host, port))
        taking.listen()


def listener(port: ReservedPort, folder: Path) -> ServerProcess:
    command = [sys.executable, "-c", LISTEN, str(port.number)]
    return ServerProcess(command, log=folder / "log", cwd=folder, ports=(port,))


@pytest.mark.parametrize("reuse", [None, socket.SO_REUSEADDR, socket.SO_REUSEPORT])
@pytest.mark.parametrize("host", [LOOPBACK, "0.0.0.0"])
def test_no_other_program_can_bind_a_reserved_port(host: str, reuse: int | None) -> None:
    with reserve_port() as port, pytest.raises(OSError, match="already in use"):
        bind(port.number, host=host, reuse=reuse)


def test_a_server_starts_after_another_program_tried_to_bind_its_port(tmp_path: Path) -> None:
    server = SecantusServer(tmp_path)
    with pytest.raises(OSError, match="already in use"):
        bind(server.port, reuse=socket.SO_REUSEADDR)
    server.start()
    server.kill()


def test_a_port_stays_reserved_while_its_server_is_down(tmp_path: Path) -> None:
    port = reserve_port()
    server = listener(port, tmp_path)
    for _ in range(2):
        server.start(until=lambda: True, timeout=60)
        with socket.create_connection((LOOPBACK, port.number)):
            server.kill()  # this connection then blocks programs that do not set SO_REUSEADDR
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port.number))
        with pytest.raises(OSError, match="already in use"):
            bind(port.number)


def test_a_port_is_free_again_when_its_reservation_is_closed_or_forgotten() -> None:
    with reserve_port() as closed:
        pass
    forgotten = reserve_port().number
    bind(closed.number)
    bind(forgotten)


def test_concurrent_processes_reserve_different_ports() -> None:
    command = [sys.executable, "-c", RESERVE]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]
    try:
        reserved = Counter(port for process in processes for port in (process.stdout or sys.stdin).readline().split())
    finally:
        for process in processes:
            process.communicate()
    assert (reserved.total(), max(reserved.values())) == (PROCESSES * RESERVATIONS, 1)


def test_another_program_on_the_port_does_not_make_a_server_ready(tmp_path: Path) -> None:
    port = reserve_port()
    with socket.create_server((LOOPBACK, port.lend())), pytest.raises(ServerFailed, match="already in use"):
        listener(port, tmp_path).start(until=lambda: True, timeout=60)


def test_a_chosen_port_in_use_is_rejected_with_its_setting() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"port {taken} of 127.0.0.1 .*with FLOWPORT_JOBS_PORT=…"):
            reserve_chosen_port(taken, setting="FLOWPORT_JOBS_PORT")


def test_a_chosen_port_taken_later_is_named_with_its_setting(tmp_path: Path) -> None:
    with reserve_port() as free:
        number = free.number
    port = reserve_chosen_port(number, setting="FLOWPORT_JOBS_PORT")
    environment = {"FLOWPORT_AMQP_URL": "memory://test", "FLOWPORT_TOKEN_JOBS": "token"}
    replica = Replica(ServiceName.JOBS, 1, port=port, logs=tmp_path, environment=environment)
    with socket.create_server((LOOPBACK, number)):
        replica.launch()
        with pytest.raises(PortInUse, match=f"port {number} .*with FLOWPORT_JOBS_PORT=…"):
            replica.await_ready()
