"""RabbitMQ on loopback, run by any user and without systemd."""

import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx2

from flowport.private_files import make_private, write_secret
from flowport.servers.passwords import StoredPassword
from flowport.servers.ports import LOOPBACK, ReservedPort, reserve_port
from flowport.servers.process import ServerFailed, ServerProcess, accepts_connections

START_SECONDS: Final = 60.0
CTL_SECONDS: Final = 180.0
"""`rabbitmqctl` starts an Erlang node: with sixteen busy processes on two cores, it took more than a minute."""
_HTTP_SECONDS: Final = 60.0
WAL_BYTES: Final = 32 * 1024 * 1024
"""Quorum queues keep their log in memory until it reaches this size, including settled messages."""
_PLUGINS: Final = ("rabbitmq_management", "rabbitmq_prometheus")
_PACKAGED: Final = Path("/usr/lib/rabbitmq/bin")
"""Debian's scripts. Those on the PATH run only as root or rabbitmq."""
_COOKIE: Final = ".erlang.cookie"
_COOKIE_BYTES: Final = 32
_USER: Final = "guest"
"""RabbitMQ's default user, with a generated password."""
_IDLE: Final = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Idle schedulers must not spin: they would take the CPU from other processes."""
_NEIGHBORS: Final = "-kernel inet_dist_use_interface {127,0,0,1}"
"""All nodes are on this machine. The distribution port is protected only by the cookie."""


class RabbitMQServer:
    """One node with its data in `data_dir`. Ports, name and data stay the same over restarts.

    `settings` are added to rabbitmq.conf. A node with another name can join the cluster of a running one.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        name: str = "flowport",
        joins: "RabbitMQServer | None" = None,
    ) -> None:
        self.data_dir = data_dir
        self._data = data_dir / "mnesia"
        self._joins = joins
        self._node = f"{name}@localhost"  # data folders are named after the node, so the name stays the same
        self._settings = {**(settings or {}), **(_peers(joins._node, self._node) if joins else {})}
        self._ports = tuple(reserve_port() for _ in range(4))
        self.port, self.management_port, self.prometheus_port, self._distribution_port = (
            port.number for port in self._ports
        )
        self._epmd_port: ReservedPort = joins._epmd_port if joins else reserve_port()
        self._password: StoredPassword = joins._password if joins else StoredPassword(data_dir / "password")
        self._epmd: ServerProcess | None = None
        self._server: ServerProcess | None = None

    @property
    def amqp_url(self) -> str:
        """Return the URL for clients."""
        return f"amqp://{_USER}:{self._password.value}@{LOOPBACK}:{self.port}/"

    @property
    def management_url(self) -> str:
        """Return the URL of the HTTP API, with user and password."""
        return f"http://{_USER}:{self._password.value}@{LOOPBACK}:{self.management_port}"

    @property
    def pid(self) -> int | None:
        """Return the process id while the node runs."""
        return self._server.pid if self._server else None

    @property
    def log(self) -> Path:
        """Return the path of the log file."""
        return self.data_dir / "rabbitmq.log"

    def start(self) -> None:
        """Start the node and wait until it accepts connections. Raises ServerFailed."""
        program = str(find_program("rabbitmq-server"))
        make_private(self.data_dir)
        is_new = not self._data.exists()
        self._password.store()
        self._write_configuration()
        self._write_cookie()
        if not self._joins:
            self._start_epmd()
        self._server = ServerProcess(
            [program], log=self.log, cwd=self.data_dir, ports=self._ports, environment=self._environment()
        )
        self._server.start(until=self._is_up, timeout=START_SECONDS)
        if not is_new:
            self._set_password()

    def stop(self) -> None:
        """Stop the node and its port mapper."""
        for process in (self._server, self._epmd):
            if process:
                process.stop()

    def kill(self) -> None:
        """Kill the node. Its data stays."""
        if self._server:
            self._server.kill()

    def freeze(self) -> None:
        """Freeze the node with SIGSTOP. Only `kill` ends it."""
        if self._server:
            self._server.send_signal(signal.SIGSTOP)

    def restart(self) -> None:
        """Restart the node on the same data and ports."""
        self.stop()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` and return its output. Raises ServerFailed."""
        command = [str(find_program("rabbitmqctl")), "--quiet", *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - our own command, no shell
                command,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=CTL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServerFailed(f"rabbitmqctl {' '.join(arguments)}: no result within {CTL_SECONDS:g} s") from error
        if done.returncode:
            raise ServerFailed(f"rabbitmqctl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _is_up(self) -> bool:
        return accepts_connections(self.port) and accepts_connections(self.management_port)

    def _start_epmd(self) -> None:
        """Start a port mapper. One started by Erlang would outlive this process."""
        if self._epmd and self._epmd.pid:
            return
        port = self._epmd_port
        command = [str(find_program("epmd")), "-address", LOOPBACK, "-port", str(port.number)]
        self._epmd = ServerProcess(command, log=self.data_dir / "epmd.log", cwd=self.data_dir, ports=(port,))
        self._epmd.start(until=lambda: accepts_connections(port.number), timeout=START_SECONDS)

    def _write_cookie(self) -> None:
        """Create the Erlang cookie, the secret of nodes and `rabbitmqctl`. Erlang would derive one from the time."""
        cookie = self.data_dir / _COOKIE
        if not cookie.exists():
            known = self._joins.data_dir / _COOKIE if self._joins else None
            write_secret(cookie, known.read_bytes() if known else secrets.token_hex(_COOKIE_BYTES).encode())
            cookie.chmod(stat.S_IRUSR)

    def _set_password(self) -> None:
        """Set the password if the data has another: the default one of earlier versions. Raises ServerFailed."""
        response = httpx2.get(f"{self.management_url}/api/whoami", timeout=_HTTP_SECONDS, trust_env=False)
        if not response.is_success:
            user = {"name": _USER, "password": self._password.value, "tags": ["administrator"]}
            definitions = self.data_dir / "user.json"
            write_secret(definitions, json.dumps({"users": [user]}).encode())
            try:
                self.ctl("import_definitions", str(definitions))  # from a file: other users can see arguments
            finally:
                definitions.unlink()

    def _write_configuration(self) -> None:
        write_secret(self.data_dir / "enabled_plugins", f"[{','.join(_PLUGINS)}].\n".encode())
        content = (
            f"default_user = {_USER}\n"
            f"default_pass = {self._password.value}\n"
            f"listeners.tcp.default = {LOOPBACK}:{self.port}\n"
            f"management.tcp.ip = {LOOPBACK}\n"
            f"management.tcp.port = {self.management_port}\n"
            f"prometheus.tcp.ip = {LOOPBACK}\n"
            f"prometheus.tcp.port = {self.prometheus_port}\n"
            "prometheus.authentication.enabled = true\n"
            "disk_free_limit.absolute = 50MB\n"
            f"raft.wal_max_size_bytes = {WAL_BYTES}\n"
            "deprecated_features.permit.transient_nonexcl_queues = false\n"  # RabbitMQ 4.3's default
            + "".join(f"{name} = {value}\n" for name, value in self._settings.items())
        )
        write_secret(self.data_dir / "rabbitmq.conf", content.encode())

    def _environment(self) -> dict[str, str]:
        data = str(self.data_dir)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": data,  # for the Erlang cookie
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_MNESIA_BASE": str(self._data),
            "RABBITMQ_LOG_BASE": f"{data}/log",
            "RABBITMQ_CONFIG_FILE": f"{data}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/enabled_plugins",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "ERL_EPMD_PORT": str(self._epmd_port.number),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{_IDLE} {_NEIGHBORS}",
            # The start script then execs the node, so that a signal reaches the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _peers(*nodes: str) -> dict[str, str]:
    listed = {f"cluster_formation.classic_config.nodes.{number}": node for number, node in enumerate(nodes, 1)}
    return {"cluster_formation.peer_discovery_backend": "classic_config", **listed}


def find_program(name: str) -> Path:
    """Return the path of a program of RabbitMQ or Erlang. Raises ServerFailed if it is not installed."""
    packaged = _PACKAGED / name
    found = str(packaged) if packaged.exists() else shutil.which(name)
    if not found:
        raise ServerFailed(f"{name} is not installed. Run `apt-get install rabbitmq-server`, or set FLOWPORT_AMQP_URL")
    return Path(found)
