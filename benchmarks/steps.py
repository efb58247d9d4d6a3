"""`python -m benchmarks.steps`: duration of each step of a sync run, in µs.

All services run in one process with a real RabbitMQ and instrumented functions. One caller in another process makes one
call at a time with a pause in between, so that the steps add up to the caller's latency. Runs are recorded after the
response. Writes benchmarks/results/steps.json.
"""

import argparse
import asyncio
import http.client
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import uvloop
from rich.table import Column, Table

from benchmarks.command_line import console, temporary_folder
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import Machine
from benchmarks.probes import Probes, Span, divide_time
from benchmarks.results import FOLDER, write_json
from benchmarks.testbed import ENVIRONMENT, SYNC, deploy_all
from executor_service.adapters.record_outbox import RecordOutbox
from executor_service.application.launcher import Launcher
from executor_service.consumers.work import WorkConsumers
from executor_service.engine.block_runner import BlockRunner
from executor_service.engine.execution import Execution
from flowport.home import Home
from flowport.local.asgi_server import listen, port_of
from flowport.local.embedded import run_embedded_services
from flowport.servers.ports import LOOPBACK
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer
from flowport_amqp.channel import Channel
from gateway.access.application.authentication import Authentication
from gateway.access.application.rate_limits import RateLimits
from gateway.bootstrap import middleware as guards
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.adapters.attached_runs import BrokerAttachedRuns
from gateway.runs.application.executions import Executions
from gateway.runs.application.usage import SpendCap
from gateway.wire.legacy import execute
from gateway.workflows.application.endpoints import Endpoints
from jobs_service.records.consumer import RecordsConsumer
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.topology import LONGEST_RUN_SECONDS, default_topology

RESULTS: Final = FOLDER / "steps.json"
PAUSE_SECONDS: Final = 0.08
"""Longer than the batching delay of records, so that records of one run are stored before the next run."""
WARM_UP: Final = 30
MEASURED: Final = ("sync no-op", "sync, one function", "sync, ten blocks")
RECORD: Final = "record"
STEPS: Final[Mapping[str, str]] = {
    "receive": "from the caller's send to the endpoint: socket, HTTP, middleware, routing",
    "endpoint": "the gateway, except the steps below",
    "auth": "authentication of the API key",
    "parse": "headers and body",
    "limit": "admission, spend cap, rate limits and their headers",
    "resolve": "live version and authorization",
    "publish": "encoding the run and writing it to the broker",
    "deliver": "broker to worker",
    "load": "compiled workflow and input",
    "schedule": "scheduling of blocks",
    "block": "block execution",
    "conclude": "the worker, except the steps above: outcome and reply",
    "reply": "broker to gateway",
    "respond": "from the reply to the caller: outcome, HTTP, socket",
    RECORD: "after the response: publishing and storing the record",
}


class Steps(msgspec.Struct, frozen=True):
    """Median duration of each step in µs, by workflow."""

    machine: Machine
    runs: int
    workflows: dict[str, dict[str, float]]
    waited: dict[str, float]


def main() -> None:
    """Measure, write the results and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    probes = _probes()
    with temporary_folder() as folder, _servers(folder) as store:
        os.environ.update(ENVIRONMENT)
        steps = uvloop.run(_measure(folder, store, probes, runs))
    write_json(RESULTS, steps)
    console().print(_table(steps), f"Written to {RESULTS}", sep="\n")


def _probes() -> Probes:
    probes = Probes()
    probes.add_functions("endpoint", execute.ExecuteEndpoint, "execute")
    probes.add_functions("auth", Authentication, "caller", "confirm")
    probes.add_functions("parse", execute, "read_execute_request")
    probes.add_functions("limit", EndpointServices, "admit", "admit_to")
    probes.add_functions("limit", SpendCap, "check")
    probes.add_functions("limit", RateLimits, "take")
    probes.add_functions("limit", guards, "limit_headers")
    probes.add_functions("resolve", Executions, "authorize")
    probes.add_functions("resolve", Endpoints, "target")
    probes.add_functions("publish", BrokerAttachedRuns, "attach")
    probes.add_transfer("deliver", (Channel, "publish"), (WorkConsumers, "on_attached"))
    probes.add_interval("conclude", (WorkConsumers, "on_attached"), (Channel, "publish"))
    probes.add_functions("load", Launcher, "prepare")
    probes.add_functions("schedule", Execution, "run")
    probes.add_functions("block", BlockRunner, "perform")
    probes.add_transfer("reply", (Channel, "publish"), (BrokerAttachedRuns, "_on_batch"))
    probes.add_functions(RECORD, RecordOutbox, "_publish")
    probes.add_functions(RECORD, RecordsConsumer, "handle")
    return probes


@contextmanager
def _servers(folder: Path) -> Iterator[SecantusServer]:
    """Run a broker and a store, and set FLOWPORT_AMQP_URL."""
    with ExitStack() as opened:
        store, broker = SecantusServer(folder / "data"), RabbitMQServer(folder / "rabbitmq")
        for server in (store, broker):
            opened.callback(server.stop)
            server.start()
        asyncio.run(declare_topology(broker.amqp_url, default_topology(LONGEST_RUN_SECONDS)))
        os.environ["FLOWPORT_AMQP_URL"] = broker.amqp_url
        yield store


async def _measure(folder: Path, store: SecantusServer, probes: Probes, runs: int) -> Steps:
    found: dict[str, dict[str, float]] = {}
    waited: dict[str, float] = {}
    async with _targets(folder, store) as targets:
        for name in MEASURED:
            calls = await _called(targets[name], WARM_UP + runs)
            parts = [_parts(probes.spans, *call) for call in itertools.pairwise(calls)][WARM_UP:]
            found[name] = {step: _median_us(each.get(step, 0.0) for each in parts) for step in STEPS}
            waited[name] = _median_us(ended - began for began, ended in calls[WARM_UP:])
            probes.spans.clear()
    return Steps(Machine.now(), runs, found, waited)


@asynccontextmanager
async def _targets(folder: Path, store: SecantusServer) -> AsyncIterator[Mapping[str, Target]]:
    home = Home(folder / "home")
    listening = listen(0)
    url = f"http://{LOOPBACK}:{port_of(listening)}"
    keys = home.sealing_keys()
    async with run_embedded_services(listening=listening, public_url=url, mongodb_uri=store.uri, keys=keys):
        documents = {name: (SYNC[name](), "{}") for name in MEASURED}
        # In a thread, because this event loop serves the requests.
        _, targets = await asyncio.to_thread(asyncio.run, deploy_all(url, store.uri, home, documents))
        yield targets


async def _called(target: Target, runs: int) -> list[tuple[float, float]]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as caller:
        return await asyncio.get_running_loop().run_in_executor(caller, _call, target, runs)


def _call(target: Target, runs: int) -> list[tuple[float, float]]:
    """Return send and response times of each call. All processes share the clock."""
    url = urlsplit(target.url)
    connection = http.client.HTTPConnection(url.netloc)
    headers = {**target.headers, "content-type": "application/json"}
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        connection.request("POST", url.path, target.body, headers)
        answer = connection.getresponse()
        answer.read()
        times.append((began, time.perf_counter()))
        if answer.status != 200:
            raise BenchmarkFailed(f"run failed: {answer.status}")
        time.sleep(PAUSE_SECONDS)
    return times


def _parts(spans: list[Span], call: tuple[float, float], following: tuple[float, float]) -> dict[str, float]:
    """Return one call's time by step, and the recording until the next call."""
    (began, ended), (until, _) = call, following
    recorded = sum(span.ended - span.began for span in spans if span.step == RECORD and ended < span.ended <= until)
    on_the_way = (span for span in spans if span.step != RECORD)
    return {**divide_time(began, ended, on_the_way, before="receive", after="respond"), RECORD: recorded}


def _median_us(seconds: Iterator[float]) -> float:
    return round(statistics.median(seconds) * 1e6, 1)


def _table(steps: Steps) -> Table:
    table = Table("step", *(Column(name, justify="right") for name in steps.workflows), "what", title="µs per run")
    for step, meaning in STEPS.items():
        table.add_row(step, *(f"{found[step]:,.0f}" for found in steps.workflows.values()), meaning)
    table.add_section()
    table.add_row("total latency", *(f"{waited:,.0f}" for waited in steps.waited.values()), "median")
    return table


if __name__ == "__main__":
    main()
