"""The four services as separate processes, with RabbitMQ and a store.

    with Stack(folder, ports=StackPorts.free(), executors=2) as stack:
        httpx2.get(f"{stack.url}/api/...")
        stack.kill("executor-service-2")
        stack.restart("executor-service-2")

`flowport stack`, the end-to-end tests, the fault tests and the benchmarks use this class. Its methods block: call them
through `asyncio.to_thread` in asynchronous code.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from types import TracebackType
from typing import Protocol, Self

from executor_service.providers.endpoints import configured_providers
from executor_service.providers.settings import ProviderSettings
from executor_service.settings import NEEDS_NAMESPACES
from flowport.home import Home, new_key
from flowport.local.replica import Replica
from flowport.local.service_environment import TOKENS, select_environment
from flowport.local.supervisor import Child
from flowport.private_files import make_private
from flowport.servers.ports import LOOPBACK, ReservedPort, reserve_chosen_port, reserve_port
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer
from flowport.servers.store_server import StoreServer
from shared.broker.permissions import broker_user, service_permissions
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, Topology, default_topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.security.run_tickets import TICKET_KEYS
from shared.service import ServiceName
from shared.settings import load_settings

Environment = Mapping[str, str]


@dataclass(frozen=True)
class StackPorts:
    """Ports of the first process of each service. Others use free ports."""

    reserved: Mapping[ServiceName, ReservedPort]

    @classmethod
    def free(cls) -> Self:
        """Reserve any free ports, for tests."""
        return cls({service: reserve_port() for service in ServiceName})

    @classmethod
    def chosen(cls, ports: Mapping[ServiceName, int], settings: Mapping[ServiceName, str]) -> Self:
        """Reserve the ports that the operator chose with `settings`. Raises PortInUse."""
        return cls({service: reserve_chosen_port(ports[service], setting=settings[service]) for service in ServiceName})

    def of(self, service: ServiceName) -> int:
        """Return the port of the first process of `service`."""
        return self.reserved[service].number


class Stack:
    """Starts the processes below `folder`, and stops, kills and restarts each by name.

    `environment` applies to every service, `overrides` to one. If `environment` has FLOWPORT_AMQP_URL or
    FLOWPORT_MONGODB_URI, the stack uses that server. Otherwise it starts one; the default store is SecantusDB.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: StackPorts,
        executors: int = 1,
        environment: Environment | None = None,
        overrides: Mapping[ServiceName, Environment] | None = None,
        store: StoreServer | None = None,
    ) -> None:
        self._home = home = Home(folder)
        self._ports = ports
        self._executors = executors
        self._environment = environment or {}
        self._overrides = overrides or {}
        self._broker_passwords = {service: secrets.token_urlsafe(24) for service in ServiceName}
        self._replicas: dict[str, Replica] = {}
        is_external = "FLOWPORT_MONGODB_URI" in self._environment
        self.store: StoreServer | None = None if is_external else store or SecantusServer(home.data)
        self.rabbitmq = None if "FLOWPORT_AMQP_URL" in self._environment else RabbitMQServer(home.path / "rabbitmq")

    @property
    def url(self) -> str:
        """Return the URL of the gateway."""
        return self._replicas[ServiceName.GATEWAY].url

    @property
    def mongodb_uri(self) -> str:
        """Return the URI of the store."""
        return self.store.uri if self.store else self._environment["FLOWPORT_MONGODB_URI"]

    @property
    def amqp_url(self) -> str:
        """Return the URL of the broker."""
        return self.rabbitmq.amqp_url if self.rabbitmq else self._environment["FLOWPORT_AMQP_URL"]

    @property
    def names(self) -> list[str]:
        """Return the names of all service processes."""
        return list(self._replicas)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes and wait until they are ready. Raises ServerFailed."""
        make_private(self._home.logs)
        if self.store:
            self.store.start()
        if self.rabbitmq:
            self.rabbitmq.start()
            longest_run = self._environment_of(ServiceName.GATEWAY).get("FLOWPORT_LONGEST_RUN_SECONDS")
            topology = default_topology(int(longest_run or LONGEST_RUN_SECONDS))
            asyncio.run(_prepare_broker(self.rabbitmq, topology, self._broker_passwords))
        for service in (ServiceName.DEPLOY, ServiceName.JOBS, ServiceName.EXECUTOR, ServiceName.GATEWAY):
            self._launch(service)
        for _ in range(1, self._executors):
            self._launch(ServiceName.EXECUTOR)
        for replica in self._replicas.values():
            replica.await_ready()

    def stop(self) -> None:
        """Stop all processes. The gateway stops first, so that it accepts no run that would not be executed."""
        order = (ServiceName.GATEWAY, ServiceName.EXECUTOR, ServiceName.JOBS, ServiceName.DEPLOY)
        for service in order:
            self._stop(self._replicas_of(service))
        for server in (self.rabbitmq, self.store):
            if server:
                server.stop()

    def scale(self, service: ServiceName, count: int) -> None:
        """Scale `service` to `count` processes. The newest are stopped first."""
        running = self._replicas_of(service)
        added = [self._launch(service) for _ in range(len(running), count)]
        for replica in added:
            replica.await_ready()
        surplus = running[count:]
        self._stop(surplus)
        for replica in surplus:
            del self._replicas[replica.name]

    def kill(self, name: str, signum: Signals = SIGKILL) -> None:
        """Send a signal to process `name`. SIGKILL waits for its end."""
        replica = self._replicas[name]
        if signum is SIGKILL:
            replica.kill()
        else:
            replica.send_signal(signum)

    def restart(self, name: str, *, environment: Environment | None = None) -> None:
        """Restart process `name`, with `environment` added for this start."""
        replica = self._replicas[name]
        replica.stop()
        replica.launch(environment)
        replica.await_ready()

    def children(self) -> list[Child]:
        """Return every process, those that others need first."""
        servers = (("RabbitMQ", self.rabbitmq), (self.store.product if self.store else "", self.store))
        return [
            *(
                Child(name, server.log, partial(_is_running, server), server.restart)
                for name, server in servers
                if server is not None
            ),
            *(
                Child(replica.name, replica.log, partial(_is_running, replica), replica.launch)
                for replica in self._replicas.values()
            ),
        ]

    def pid(self, name: str) -> int | None:
        """Return the process id of `name` while it runs."""
        return self._replicas[name].pid

    def url_of(self, name: str) -> str:
        """Return the URL of process `name`."""
        return self._replicas[name].url

    def log_of(self, name: str) -> Path:
        """Return the log file of process `name`."""
        return self._replicas[name].log

    def _replicas_of(self, service: ServiceName) -> list[Replica]:
        return [replica for replica in self._replicas.values() if replica.service is service]

    def _launch(self, service: ServiceName) -> Replica:
        number = len(self._replicas_of(service)) + 1
        port = self._ports.reserved[service] if number == 1 else reserve_port()
        replica = Replica(service, number, port=port, logs=self._home.logs, environment=self._environment_of(service))
        self._replicas[replica.name] = replica
        replica.launch()
        return replica

    def _stop(self, replicas: list[Replica]) -> None:
        for replica in replicas:
            replica.send_signal(SIGTERM)
        for replica in replicas:
            replica.stop()

    def _environment_of(self, service: ServiceName) -> dict[str, str]:
        given = {
            **os.environ,
            "FLOWPORT_DEPLOY_URL": f"http://{LOOPBACK}:{self._ports.of(ServiceName.DEPLOY)}",
            "FLOWPORT_JOBS_URL": f"http://{LOOPBACK}:{self._ports.of(ServiceName.JOBS)}",
            "FLOWPORT_PUBLIC_URL": f"http://{LOOPBACK}:{self._ports.of(ServiceName.GATEWAY)}",
            "FLOWPORT_KEYED_PROVIDERS": ",".join(configured_providers(load_settings(ProviderSettings))),
            NEEDS_NAMESPACES: os.environ.get(NEEDS_NAMESPACES, "false"),  # a local stack runs the user's own code
            "FLOWPORT_DRAIN_NOTICE_SECONDS": "0",  # no load balancer polls /readyz
            "FLOWPORT_AMQP_URL": self._amqp_url_of(service),
            "FLOWPORT_MONGODB_URI": self.mongodb_uri,
            **self._secrets,
            **self._environment,
            **self._overrides.get(service, {}),
        }
        return select_environment(service, given)

    def _amqp_url_of(self, service: ServiceName) -> str:
        if self.rabbitmq is None:
            return self.amqp_url
        return f"amqp://{broker_user(service)}:{self._broker_passwords[service]}@{LOOPBACK}:{self.rabbitmq.port}/"

    @cached_property
    def _secrets(self) -> dict[str, str]:
        """Tokens and keys of all services."""
        keys = self._home.sealing_keys()
        return {
            **{token: secrets.token_urlsafe(32) for token in TOKENS.values()},
            "FLOWPORT_ENVIRONMENT_KEYS": keys.environment,
            "FLOWPORT_WEBHOOK_KEYS": keys.webhooks,
            TICKET_KEYS: new_key(),
        }


class _Process(Protocol):
    @property
    def pid(self) -> int | None: ...


def _is_running(process: _Process) -> bool:
    return process.pid is not None


async def _prepare_broker(rabbitmq: RabbitMQServer, topology: Topology, passwords: Mapping[ServiceName, str]) -> None:
    management = Management(rabbitmq.management_url)
    await declare_topology(rabbitmq.amqp_url, topology)
    await management.apply_policies(topology)
    for service, password in passwords.items():
        await management.set_user(broker_user(service), password, service_permissions(service))
