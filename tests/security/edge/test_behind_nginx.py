"""The nginx of compose turns every request into one that the gateway accepts."""

import socket
from pathlib import Path

from tests.support.echo_server import echo_server, statuses
from tests.support.nginx import deployed_nginx


def test_a_caller_of_http_1_0_that_names_no_host_is_served(tmp_path: Path) -> None:
    with echo_server() as server, deployed_nginx(tmp_path, f"http://127.0.0.1:{server.port}") as outside:
        port = int(outside.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
            caller.sendall(b"GET /echo HTTP/1.0\r\n\r\n")
            assert statuses(caller.recv(65536)) == [200]
