"""`flowport doctor` reports each fault that a test introduces, and nothing else."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient
from tests.support.brokers import raw_channel
from tests.support.command_line import CommandLine
from tests.support.fake_service import FakeService
from tests.support.rabbitmq import RabbitMQServer, manage

from flowport.admin.store_indexes import INDEXES
from flowport.home import Home, Running
from flowport.servers.ports import LOOPBACK
from shared.broker.queue_topology import (
    ASYNC,
    EVENTS,
    LONGEST_RUN_SECONDS,
    default_topology,
)
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.store.client import Store

SERVICES = ("gateway", "deploy-service", "jobs-service", "executor-service")


class Installation:
    """An installation without faults, until a test introduces one."""

    def __init__(self, environment: Mapping[str, str], services: Mapping[str, FakeService]) -> None:
        self.environment = dict(environment)
        self.services = services

    def findings(self, verdict: str) -> dict[str, str]:
        """Return the findings with this verdict, by check."""
        done = CommandLine(self.environment)("doctor", "--json")
        assert done.out, done.err
        found = {each["check"]: f"{each['found']} → {each['fix']}" for each in done.json if each["verdict"] == verdict}
        assert done.code == (1 if any(each["verdict"] == "problem" for each in done.json) else 0)
        return found

    def problem(self, check: str) -> str:
        """Return the problem of one check."""
        found = self.findings("problem")
        assert check in found, found
        return found[check]


@pytest.fixture(scope="module", autouse=True)
def _declared(rabbitmq: RabbitMQServer) -> None:
    asyncio.run(_declare_topology(rabbitmq))


@pytest.fixture(scope="module")
def prefix(mongodb_uri: str) -> Iterator[str]:
    """Create databases with every index."""
    prefix = f"test_{uuid4().hex[:12]}"
    asyncio.run(_make_indexes(mongodb_uri, prefix))
    yield prefix
    with MongoClient[dict[str, object]](mongodb_uri) as client:
        for service in INDEXES:
            client.drop_database(f"{prefix}_{service}")


@pytest.fixture
def installation(rabbitmq: RabbitMQServer, mongodb_uri: str, prefix: str, tmp_path: Path) -> Iterator[Installation]:
    """Real broker and store, fake services, and an API key. A test that breaks the broker or store repairs it."""
    with ExitStack() as stack:
        services = {name: stack.enter_context(FakeService(name)) for name in SERVICES}
        yield Installation(
            {
                "FLOWPORT_AMQP_URL": rabbitmq.amqp_url,
                "FLOWPORT_AMQP_MANAGEMENT_URL": rabbitmq.management_url,
                "FLOWPORT_MONGODB_URI": mongodb_uri,
                "FLOWPORT_MONGODB_PREFIX": prefix,
                "FLOWPORT_URL": services["gateway"].url,
                "FLOWPORT_DEPLOY_URL": services["deploy-service"].url,
                "FLOWPORT_JOBS_URL": services["jobs-service"].url,
                "FLOWPORT_EXECUTOR_URL": services["executor-service"].url,
                "FLOWPORT_API_KEY": "sk-sim-anything",
                "FLOWPORT_ENVIRONMENT_KEYS": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "FLOWPORT_WEBHOOK_KEYS": "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
                "FLOWPORT_TICKET_KEYS": "1:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
                "FLOWPORT_TOKEN_GATEWAY": "g" * 32,
                "FLOWPORT_TOKEN_EXECUTOR": "e" * 32,
                "XDG_CONFIG_HOME": str(tmp_path),
            },
            services,
        )


def test_an_installation_without_faults_has_no_findings(installation: Installation) -> None:
    assert installation.findings("problem") == {}
    assert installation.findings("warning") == {}


def test_without_settings_it_checks_what_runs_here(
    installation: Installation, rabbitmq: RabbitMQServer, mongodb_uri: str, tmp_path: Path
) -> None:
    known = ("FLOWPORT_API_KEY", "FLOWPORT_URL", "FLOWPORT_MONGODB_PREFIX", "XDG_CONFIG_HOME")
    environment = {name: installation.environment[name] for name in known}
    installation.environment = {**environment, "FLOWPORT_HOME": str(tmp_path)}
    urls = {name: service.url for name, service in installation.services.items()}
    running = Running("flowport stack", 7, urls, mongodb_uri, rabbitmq.amqp_url, rabbitmq.management_url)
    home = Home(tmp_path)
    with home.lock(), home.record_running(running):
        assert installation.findings("problem") == {}
        found = installation.findings("ok")
        assert found["environment"].startswith(f"checks `flowport stack` in {tmp_path}, process 7")
        assert {"topology", "store", "jobs-service", "executor-service"} <= found.keys()
    assert installation.findings("warning")["environment"].startswith("FLOWPORT_AMQP_URL and FLOWPORT_MONGODB_URI")


def test_an_invalid_setting(installation: Installation) -> None:
    installation.environment["FLOWPORT_DRAIN_SECONDS"] = "soon"
    assert "FLOWPORT_DRAIN_SECONDS=soon" in installation.problem("settings of gateway")


def test_missing_ticket_keys(installation: Installation) -> None:
    del installation.environment["FLOWPORT_TICKET_KEYS"]
    assert "FLOWPORT_TICKET_KEYS is empty" in installation.problem("run tickets")


def test_an_unfinished_upgrade(installation: Installation) -> None:
    installation.environment["FLOWPORT_RUN_TICKETS"] = "accept-missing"
    assert "FLOWPORT_RUN_TICKETS is accept-missing" in installation.findings("warning")["run tickets"]


def test_two_services_with_the_same_token(installation: Installation) -> None:
    installation.environment["FLOWPORT_TOKEN_JOBS"] = installation.environment["FLOWPORT_TOKEN_GATEWAY"]
    assert "share a token" in installation.problem("tokens between services")


async def test_a_missing_queue(installation: Installation, rabbitmq: RabbitMQServer) -> None:
    async with raw_channel(rabbitmq.amqp_url) as channel:
        await channel.queue_delete(EVENTS)
    try:
        found = await asyncio.to_thread(installation.problem, "topology")
    finally:
        await _declare_topology(rabbitmq)
    assert found == f"{EVENTS}: missing → run `flowport topology apply`"


def test_an_unavailable_management_api(installation: Installation, free_port: int) -> None:
    installation.environment["FLOWPORT_AMQP_MANAGEMENT_URL"] = f"http://{LOOPBACK}:{free_port}"
    assert "correct FLOWPORT_AMQP_MANAGEMENT_URL" in installation.problem("topology")


def test_unchecked_facts_without_the_management_api(installation: Installation) -> None:
    del installation.environment["FLOWPORT_AMQP_MANAGEMENT_URL"]
    assert "set FLOWPORT_AMQP_MANAGEMENT_URL" in installation.findings("warning")["topology"]


def test_a_changed_policy(installation: Installation, rabbitmq: RabbitMQServer) -> None:
    changed = {"pattern": "^nothing$", "definition": {"max-length": 1}}
    manage(rabbitmq, "PUT", f"policies/%2F/flowport.{ASYNC}", changed)
    try:
        found = installation.problem("topology")
    finally:
        asyncio.run(_declare_topology(rabbitmq))
    assert ASYNC in found
    assert "flowport topology apply" in found


def test_an_unavailable_store(installation: Installation, free_port: int) -> None:
    installation.environment["FLOWPORT_MONGODB_URI"] = f"mongodb://{LOOPBACK}:{free_port}/?directConnection=true"
    assert "Check FLOWPORT_MONGODB_URI" in installation.problem("store")


def test_a_separate_store_for_each_service(installation: Installation, prefix: str, free_port: int) -> None:
    uri = installation.environment.pop("FLOWPORT_MONGODB_URI")
    for number, service in enumerate(("GATEWAY", "DEPLOY", "JOBS")):
        installation.environment[f"FLOWPORT_MONGODB_URI_{service}"] = (
            f"{uri}{'&' if '?' in uri else '?'}appName=own{number}"
        )
    assert installation.findings("problem") == {}
    installation.environment["FLOWPORT_MONGODB_URI_JOBS"] = f"mongodb://{LOOPBACK}:{free_port}/?directConnection=true"
    assert "FLOWPORT_MONGODB_URI_JOBS" in installation.problem("store")


def test_a_read_preference_in_the_uri(installation: Installation) -> None:
    installation.environment["FLOWPORT_MONGODB_URI"] += "&readPreference=secondaryPreferred"
    assert installation.findings("problem") == {}


def test_a_missing_index(installation: Installation, mongodb_uri: str, prefix: str) -> None:
    with MongoClient[dict[str, object]](mongodb_uri) as client:
        client[f"{prefix}_deploy"]["versions"].drop_index("number")
    try:
        assert f"{prefix}_deploy.versions.number" in installation.problem("store")
    finally:
        asyncio.run(_make_indexes(mongodb_uri, prefix))


def test_an_unavailable_service(installation: Installation, free_port: int) -> None:
    installation.environment["FLOWPORT_JOBS_URL"] = f"http://{LOOPBACK}:{free_port}"
    assert "start jobs-service" in installation.problem("jobs-service")


def test_a_service_that_is_not_ready(installation: Installation) -> None:
    installation.services["executor-service"].problems = ("broker: not connected to the broker",)
    assert "not connected to the broker" in installation.problem("executor-service")


def test_a_missing_api_key_is_a_warning(installation: Installation) -> None:
    del installation.environment["FLOWPORT_API_KEY"]
    assert installation.findings("problem") == {}
    assert "flowport login" in installation.findings("warning")["API key"]


def test_a_missing_api_key_without_service_settings_is_a_problem(installation: Installation) -> None:
    for name in ("FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI", "FLOWPORT_API_KEY"):
        del installation.environment[name]
    assert "flowport login" in installation.problem("API key")


def test_an_environment_without_service_settings(installation: Installation, free_port: int) -> None:
    for name in ("FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI"):
        del installation.environment[name]
    assert "only the public API and the API key are checked" in installation.findings("warning")["environment"]
    assert installation.findings("problem") == {}
    installation.environment["FLOWPORT_URL"] = f"http://{LOOPBACK}:{free_port}"
    assert installation.findings("problem").keys() == {"gateway", "API key"}


async def _declare_topology(rabbitmq: RabbitMQServer) -> None:
    await declare_topology(rabbitmq.amqp_url, default_topology(LONGEST_RUN_SECONDS))
    await Management(rabbitmq.management_url).apply_policies(default_topology(LONGEST_RUN_SECONDS))


async def _make_indexes(uri: str, prefix: str) -> None:
    for service, indexes in INDEXES.items():
        store = Store(uri, f"{prefix}_{service}", indexes)
        await store.start()
        await store.stop()
