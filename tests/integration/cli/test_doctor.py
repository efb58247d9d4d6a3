"""`flowport doctor` names what was broken on purpose, and is content with what is well."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import httpx2
import pytest
from pymongo import MongoClient
from tests.support.brokers import raw_channel
from tests.support.command_line import CommandLine
from tests.support.fake_service import FakeService
from tests.support.rabbitmq import RabbitMQServer, with_wrong_password

from flowport.databases import INDEXES, ServiceDatabase
from flowport.doctor.store import NO_TRANSACTIONS, check_stores
from flowport.servers.ports import LOOPBACK
from flowport.servers.secantus import SecantusServer
from shared.broker.access import access_of, user_of
from shared.broker.rabbitmq.declare import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.broker.topology import (
    ASYNC,
    EVENTS,
    EXPRESS,
    INTERACTIVE,
    LONGEST_RUN_SECONDS,
    NESTED,
    RECORDS,
    default_topology,
)
from shared.service import ServiceName
from shared.store.client import Store

JOBS = 'flowport_jobs_leading{role="dispatcher"} 1\nflowport_jobs_queue_limit 50\nflowport_jobs_queued_runs 3\n'
EXECUTOR = 'flowport_executor_slots{kind="durable"} 32\n'
SERVICES = ("gateway", "deploy-service", "jobs-service", "executor-service")


class Patient:
    """An installation that is well, until a test breaks something."""

    def __init__(self, environment: Mapping[str, str], services: Mapping[str, FakeService]) -> None:
        self.environment = dict(environment)
        self.services = services

    def findings(self, verdict: str) -> dict[str, str]:
        """What the doctor says, by check."""
        done = CommandLine(self.environment)("doctor", "--json")
        assert done.out, done.err
        found = {each["check"]: f"{each['found']} → {each['fix']}" for each in done.json if each["verdict"] == verdict}
        assert done.code == (1 if any(each["verdict"] == "problem" for each in done.json) else 0)
        return found

    def problem(self, check: str) -> str:
        """What it says about one check that fails."""
        found = self.findings("problem")
        assert check in found, found
        return found[check]


@pytest.fixture(scope="module")
def consumers(rabbitmq: RabbitMQServer) -> Iterator[None]:
    """Somebody takes from every queue that has to have a consumer."""
    asyncio.run(_lay_out(rabbitmq))
    ready, over = Event(), Event()
    holder = Thread(target=asyncio.run, args=(_consume(rabbitmq, ready, over),))
    holder.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        over.set()
        holder.join()


@pytest.fixture(scope="module")
def prefix(mongodb_uri: str) -> Iterator[str]:
    """Databases with every index."""
    prefix = f"test_{uuid4().hex[:12]}"
    asyncio.run(_make_indexes(mongodb_uri, prefix))
    yield prefix
    with MongoClient[dict[str, object]](mongodb_uri) as client:
        for service in INDEXES:
            client.drop_database(f"{prefix}_{service}")


@pytest.fixture
def patient(
    rabbitmq: RabbitMQServer, consumers: None, mongodb_uri: str, prefix: str, tmp_path: Path
) -> Iterator[Patient]:
    """Real broker and store, services that only answer, and a key. Whoever breaks one of the first two mends it."""
    with ExitStack() as stack:
        metrics = {"jobs-service": JOBS, "executor-service": EXECUTOR}
        services = {name: stack.enter_context(FakeService(name, metrics=metrics.get(name, ""))) for name in SERVICES}
        yield Patient(
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
                "FLOWPORT_TICKET_KEYS": "1:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=",
                "FLOWPORT_TOKEN_GATEWAY": "g" * 32,
                "FLOWPORT_TOKEN_EXECUTOR": "e" * 32,
                "XDG_CONFIG_HOME": str(tmp_path),
            },
            services,
        )


def test_what_is_well_is_left_alone(patient: Patient) -> None:
    assert patient.findings("problem") == {}
    assert patient.findings("warning") == {}


def test_1_a_setting_out_of_its_range(patient: Patient) -> None:
    patient.environment["FLOWPORT_DRAIN_SECONDS"] = "soon"
    assert "FLOWPORT_DRAIN_SECONDS=soon" in patient.problem("settings of gateway")


def test_without_keys_for_run_tickets_no_service_starts(patient: Patient) -> None:
    del patient.environment["FLOWPORT_TICKET_KEYS"]
    assert "FLOWPORT_TICKET_KEYS is empty" in patient.problem("run tickets")


def test_an_upgrade_that_was_left_half_way(patient: Patient) -> None:
    patient.environment["FLOWPORT_RUN_TICKETS"] = "accept-missing"
    assert "FLOWPORT_RUN_TICKETS is accept-missing" in patient.findings("warning")["run tickets"]


def test_2_two_services_with_one_token(patient: Patient) -> None:
    patient.environment["FLOWPORT_TOKEN_JOBS"] = patient.environment["FLOWPORT_TOKEN_GATEWAY"]
    assert "same token" in patient.problem("tokens between services")


def test_3_a_broker_that_is_away(patient: Patient, free_port: int) -> None:
    patient.environment["FLOWPORT_AMQP_URL"] = f"amqp://guest:guest@{LOOPBACK}:{free_port}/"
    assert f"start RabbitMQ at {LOOPBACK}:{free_port}" in patient.problem("broker")


def test_4_a_wrong_password_at_the_broker(patient: Patient) -> None:
    patient.environment["FLOWPORT_AMQP_URL"] = with_wrong_password(patient.environment["FLOWPORT_AMQP_URL"])
    assert "password of guest" in patient.problem("broker")


async def test_5_a_queue_that_is_missing(patient: Patient, rabbitmq: RabbitMQServer) -> None:
    async with raw_channel(rabbitmq.amqp_url) as channel:
        await channel.delete_queue(EVENTS)
    try:
        assert f"missing: {EVENTS}" in await asyncio.to_thread(patient.problem, "queues")
    finally:
        await _lay_out(rabbitmq)


async def test_5b_a_queue_that_is_missing_where_only_amqp_is_known(patient: Patient, rabbitmq: RabbitMQServer) -> None:
    del patient.environment["FLOWPORT_AMQP_MANAGEMENT_URL"]
    assert await asyncio.to_thread(patient.findings, "problem") == {}
    async with raw_channel(rabbitmq.amqp_url) as channel:
        await channel.delete_queue(EVENTS)
    try:
        said = await asyncio.to_thread(patient.problem, "queues")
    finally:
        await _lay_out(rabbitmq)
    assert said == f"missing: {EVENTS} → run `flowport topology apply`"


def test_5c_what_nobody_can_look_at_without_the_brokers_own_api_is_said(patient: Patient) -> None:
    del patient.environment["FLOWPORT_AMQP_MANAGEMENT_URL"]
    said = patient.findings("warning")["broker's management API"]
    assert "policies, consumers and alarms were not looked at" in said
    assert "set FLOWPORT_AMQP_MANAGEMENT_URL" in said


@pytest.mark.parametrize("service", list(ServiceName))
async def test_5d_a_services_own_user_can_ask_for_every_queue(
    patient: Patient, rabbitmq: RabbitMQServer, service: ServiceName
) -> None:
    password = uuid4().hex
    await Management(rabbitmq.management_url).set_user(user_of(service), password, access_of(service))
    del patient.environment["FLOWPORT_AMQP_MANAGEMENT_URL"]
    patient.environment["FLOWPORT_AMQP_URL"] = f"amqp://{user_of(service)}:{password}@{LOOPBACK}:{rabbitmq.port}/"
    found = await asyncio.to_thread(patient.findings, "ok")
    assert found["queues"].startswith("all are there")


def test_6_a_policy_that_somebody_changed(patient: Patient, rabbitmq: RabbitMQServer) -> None:
    rabbitmq.ctl("set_policy", f"flowport.{ASYNC}", "^nothing$", '{"max-length":1}')
    try:
        said = patient.problem("policies")
    finally:
        asyncio.run(_lay_out(rabbitmq))
    assert ASYNC in said
    assert "flowport topology apply" in said


def test_7_a_broker_in_alarm(patient: Patient, rabbitmq: RabbitMQServer) -> None:
    rabbitmq.ctl("set_vm_memory_high_watermark", "0.0001")
    try:
        assert "memory on" in patient.problem("broker's alarms")
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")


def test_8_a_store_that_is_away(patient: Patient, free_port: int) -> None:
    patient.environment["FLOWPORT_MONGODB_URI"] = f"mongodb://{LOOPBACK}:{free_port}/?directConnection=true"
    assert "correct FLOWPORT_MONGODB_URI" in patient.problem("store")


async def test_8_the_store_that_answers_is_named_with_its_version(mongodb_uri: str, prefix: str) -> None:
    database = ServiceDatabase(f"{prefix}_jobs", mongodb_uri, INDEXES["jobs"], "FLOWPORT_MONGODB_URI")
    first, *_ = [finding async for finding in check_stores([database])]
    assert re.fullmatch(r"(SecantusDB|MongoDB) \d\S* answers", first.found)


def test_8a_each_service_with_a_store_of_its_own(patient: Patient, prefix: str, free_port: int) -> None:
    uri = patient.environment.pop("FLOWPORT_MONGODB_URI")
    for number, service in enumerate(("GATEWAY", "DEPLOY", "JOBS")):
        patient.environment[f"FLOWPORT_MONGODB_URI_{service}"] = f"{uri}{'&' if '?' in uri else '?'}appName=own{number}"
    assert patient.findings("problem") == {}
    assert {f"store of {prefix}_{name}" for name in INDEXES} <= patient.findings("ok").keys()
    patient.environment["FLOWPORT_MONGODB_URI_JOBS"] = f"mongodb://{LOOPBACK}:{free_port}/?directConnection=true"
    problems = patient.findings("problem")
    assert problems.keys() == {f"store of {prefix}_jobs"}
    assert "correct FLOWPORT_MONGODB_URI_JOBS" in problems[f"store of {prefix}_jobs"]


def test_8b_a_store_without_transactions(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "secantusd.toml").write_text("[server]\nenable_test_commands = true\n")
    server = SecantusServer(tmp_path / "alone")
    server.start()
    refusal = {"failCommands": ["find"], "errorCode": NO_TRANSACTIONS}
    with MongoClient[dict[str, object]](server.uri) as client:
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=refusal)
    patient.environment["FLOWPORT_MONGODB_URI"] = server.uri
    assert "rs.initiate()" in patient.problem("store")
    server.kill()


def test_8c_a_stores_address_that_would_read_elsewhere_is_no_trouble(patient: Patient) -> None:
    patient.environment["FLOWPORT_MONGODB_URI"] += "&readPreference=secondaryPreferred"
    assert patient.findings("problem") == {}


def test_9_an_index_that_is_missing(patient: Patient, mongodb_uri: str, prefix: str) -> None:
    with MongoClient[dict[str, object]](mongodb_uri) as client:
        client[f"{prefix}_deploy"]["versions"].drop_index("number")
    try:
        assert "versions.number" in patient.problem(f"indexes of {prefix}_deploy")
    finally:
        asyncio.run(_make_indexes(mongodb_uri, prefix))


def test_10_a_service_that_does_not_answer(patient: Patient, free_port: int) -> None:
    patient.environment["FLOWPORT_JOBS_URL"] = f"http://{LOOPBACK}:{free_port}"
    assert "start jobs-service" in patient.problem("jobs-service")


def test_11_a_service_that_is_not_ready(patient: Patient) -> None:
    patient.services["executor-service"].problems = ("broker: not connected to the broker",)
    assert "not connected to the broker" in patient.problem("executor-service")


def test_11_b_a_service_whose_broker_is_short_of_disk(patient: Patient) -> None:
    patient.services["gateway"].problems = ("broker: the broker takes no messages now: low on disk",)
    assert "free some disk" in patient.problem("gateway")


def test_12_versions_that_differ(patient: Patient) -> None:
    patient.services["gateway"].version = "0.9"
    assert "gateway 0.9" in patient.problem("versions")


def test_13_a_clock_that_is_off(patient: Patient) -> None:
    patient.services["deploy-service"].skew_seconds = 300
    assert "clock of deploy-service" in patient.findings("warning")["clocks"]


def test_14_nobody_who_dispatches(patient: Patient) -> None:
    patient.services["jobs-service"].metrics = JOBS.replace("} 1", "} 0")
    assert "does not hand out runs" in patient.findings("warning")["dispatcher"]


def test_15_a_queue_that_is_full(patient: Patient) -> None:
    patient.services["jobs-service"].metrics = JOBS.replace("runs 3", "runs 50")
    assert "it is full" in patient.problem("queue")


def test_16_no_key_is_no_trouble_of_the_installations(patient: Patient) -> None:
    del patient.environment["FLOWPORT_API_KEY"]
    assert patient.findings("problem") == {}
    assert "flowport login" in patient.findings("warning")["API key"]


def test_16b_no_key_where_nothing_else_can_be_looked_at(patient: Patient) -> None:
    for name in ("FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI", "FLOWPORT_API_KEY"):
        del patient.environment[name]
    assert "flowport login" in patient.problem("API key")


def test_17_nobody_who_works(patient: Patient) -> None:
    patient.services["executor-service"].metrics = ""
    assert "takes no runs" in patient.problem("workers")


def test_18_an_environment_without_settings_is_outside_where_callers_are(patient: Patient, free_port: int) -> None:
    for name in ("FLOWPORT_AMQP_URL", "FLOWPORT_MONGODB_URI"):
        del patient.environment[name]
    assert "only the public door and the key are looked at" in patient.findings("warning")["environment"]
    assert patient.findings("problem") == {}
    patient.environment["FLOWPORT_URL"] = f"http://{LOOPBACK}:{free_port}"
    assert patient.findings("problem").keys() == {"gateway", "API key"}


async def _lay_out(rabbitmq: RabbitMQServer) -> None:
    await declare_topology(rabbitmq.amqp_url, default_topology(LONGEST_RUN_SECONDS))
    await Management(rabbitmq.management_url).apply_policies(default_topology(LONGEST_RUN_SECONDS))


async def _consume(rabbitmq: RabbitMQServer, ready: Event, over: Event) -> None:
    """Take from the queues until it is over. RabbitMQ's own API hears of consumers a little later than they are."""
    wanted = {EXPRESS, INTERACTIVE, NESTED, ASYNC, RECORDS}
    async with (
        raw_channel(rabbitmq.amqp_url) as channel,
        httpx2.AsyncClient(base_url=rabbitmq.management_url, timeout=30, trust_env=False) as client,
    ):
        for queue in wanted:
            await channel.consume(queue, lambda received: None, no_ack=True)
        while not over.is_set():
            found = (await client.get("/api/consumers/%2F")).json() if not ready.is_set() else []
            if wanted <= {consumer["queue"]["name"] for consumer in found}:
                ready.set()
            await asyncio.sleep(0.05)


async def _make_indexes(uri: str, prefix: str) -> None:
    for service, indexes in INDEXES.items():
        store = Store(uri, f"{prefix}_{service}", indexes)
        await store.start()
        await store.stop()
