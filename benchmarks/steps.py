"""`python -m benchmarks.steps`: where the time of one sync run goes, in microseconds for each step.

All services in one process on a real RabbitMQ, with a clock around their own functions; one caller in a process of
its own, one run at a time, with a pause between, so that each moment of a run belongs to one step and the steps add
up to what the caller waits. Recording happens after the answer. Writes benchmarks/results/steps.json.
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

from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import Machine
from benchmarks.probes import Probes, Span, divided
from benchmarks.results import FOLDER, write_json
from benchmarks.stand import ENVIRONMENT, SYNC, deployed
from benchmarks.surroundings import console, temporary_folder
from executor_service.adapters.record_outbox import RecordOutbox
from executor_service.application.launcher import Launcher
from executor_service.consumers.work import WorkConsumers
from executor_service.engine.execution import Execution
from executor_service.engine.performer import Performer
from flowport.embedded import embedded
from flowport.home import Home
from flowport.servers.ports import LOOPBACK
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer
from flowport.serving import listen, port_of
from flowport_amqp.channel import Channel
from gateway.access.application.authentication import Authentication
from gateway.access.application.rate_limits import RateLimits
from gateway.bootstrap import middleware as guards
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.adapters.attached_runs import BrokerAttachedRuns
from gateway.runs.application.executions import Executions
from gateway.runs.application.spend_cap import SpendCap
from gateway.wire.legacy import execute
from gateway.workflows.application.endpoints import Endpoints
from jobs_service.records.consumer import RecordsConsumer
from shared.broker.rabbitmq.declare import declare_topology
from shared.broker.topology import LONGEST_RUN_SECONDS, default_topology

RESULTS: Final = FOLDER / "steps.json"
PAUSE_SECONDS: Final = 0.08
"""Longer than records wait for company: those of one run are stored before the next begins."""
WARM_UP: Final = 30
MEASURED: Final = ("sync no-op", "sync, one function", "sync, ten blocks")
RECORD: Final = "record"
STEPS: Final[Mapping[str, str]] = {
    "receive": "from the caller's send to the first of ours: socket, HTTP, middleware, routing",
    "door": "the gateway, apart from the steps below",
    "auth": "whose key it is, and that it still holds",
    "parse": "headers and body",
    "limit": "gates, spend, rate limits, and what the answer says of them",
    "resolve": "which version is live, and may the caller run it",
    "publish": "encode the run and write it to the broker's socket",
    "deliver": "the broker: to a worker",
    "load": "the compiled workflow, and the input",
    "schedule": "walk the graph",
    "block": "the blocks' own work",
    "conclude": "the worker, apart from the steps above: outcome, encode, write the reply",
    "reply": "the broker: to the gateway",
    "respond": "from the reply to the caller: outcome, HTTP, socket",
    RECORD: "after the answer: publish the record, and store it",
}


class Steps(msgspec.Struct, frozen=True):
    """Median microseconds of each step, by workflow."""

    machine: Machine
    runs: int
    workflows: dict[str, dict[str, float]]
    waited: dict[str, float]


def main() -> None:
    """Measure and report."""
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
    probes.watch("door", execute.ExecuteEndpoint, "execute")
    probes.watch("auth", Authentication, "caller", "confirm")
    probes.watch("parse", execute, "read_execute_request")
    probes.watch("limit", EndpointServices, "admit", "admit_to")
    probes.watch("limit", SpendCap, "check")
    probes.watch("limit", RateLimits, "take")
    probes.watch("limit", guards, "limit_headers")
    probes.watch("resolve", Executions, "authorize")
    probes.watch("resolve", Endpoints, "target")
    probes.watch("publish", BrokerAttachedRuns, "attach")
    probes.crossing("deliver", (Channel, "publish"), (WorkConsumers, "on_attached"))
    probes.stretch("conclude", (WorkConsumers, "on_attached"), (Channel, "publish"))
    probes.watch("load", Launcher, "prepare")
    probes.watch("schedule", Execution, "run")
    probes.watch("block", Performer, "perform")
    probes.crossing("reply", (Channel, "publish"), (BrokerAttachedRuns, "_on_batch"))
    probes.watch(RECORD, RecordOutbox, "_publish")
    probes.watch(RECORD, RecordsConsumer, "handle")
    return probes


@contextmanager
def _servers(folder: Path) -> Iterator[SecantusServer]:
    """A broker and a store; the services find the broker in the environment."""
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
    async with embedded(listening=listening, public_url=url, mongodb_uri=store.uri, keys=keys):
        documents = {name: (SYNC[name](), "{}") for name in MEASURED}
        # Elsewhere, because whoever publishes waits for what this loop serves.
        _, targets = await asyncio.to_thread(asyncio.run, deployed(url, store.uri, home, documents))
        yield targets


async def _called(target: Target, runs: int) -> list[tuple[float, float]]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as caller:
        return await asyncio.get_running_loop().run_in_executor(caller, _call, target, runs)


def _call(target: Target, runs: int) -> list[tuple[float, float]]:
    """When each call was sent and answered; the clock is the same in all processes of a machine."""
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
            raise BenchmarkFailed(f"a run failed: {answer.status}")
        time.sleep(PAUSE_SECONDS)
    return times


def _parts(spans: list[Span], call: tuple[float, float], following: tuple[float, float]) -> dict[str, float]:
    """One call's time by step, and what was recorded until the next."""
    (began, ended), (until, _) = call, following
    recorded = sum(span.ended - span.began for span in spans if span.step == RECORD and ended < span.ended <= until)
    on_the_way = (span for span in spans if span.step != RECORD)
    return {**divided(began, ended, on_the_way, before="receive", after="respond"), RECORD: recorded}


def _median_us(seconds: Iterator[float]) -> float:
    return round(statistics.median(seconds) * 1e6, 1)


def _table(steps: Steps) -> Table:
    table = Table("step", *(Column(name, justify="right") for name in steps.workflows), "what", title="µs per run")
    for step, meaning in STEPS.items():
        table.add_row(step, *(f"{found[step]:,.0f}" for found in steps.workflows.values()), meaning)
    table.add_section()
    table.add_row("the caller waits", *(f"{waited:,.0f}" for waited in steps.waited.values()), "median of the whole")
    return table


if __name__ == "__main__":
    main()
