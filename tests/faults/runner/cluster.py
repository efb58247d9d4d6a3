"""Three RabbitMQ nodes on one machine; one is killed under load, or hangs."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.faults.harness.steady import SteadyLoad
from tests.faults.harness.workflows import steps
from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import ENVIRONMENT, Scene
from tests.support.public_api import PublicApi
from tests.support.silent_proxy import Line

from flowport.local.stack import Stack, StackPorts
from flowport.servers.rabbitmq import RabbitMQServer
from gateway.access.plans import PlanName
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, default_topology
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management

NODES: Final = 3
LOAD_SECONDS: Final = 10.0
RATE: Final = 10.0
CALL_EACH_SECONDS: Final = 0.1
BACK_SECONDS: Final = 5.0
"""By then, a service whose node was killed uses another one."""
NOTICED_SECONDS: Final = 75.0
"""RabbitMQ takes a silent node for lost after a minute."""
OK: Final = 200


async def kill_a_node(scene: Scene) -> Sequence[Figure]:
    """Nothing that was accepted is lost, and the two remaining nodes accept more."""
    return await _played(scene, RabbitMQServer.kill, back_seconds=BACK_SECONDS, most_refused=0)


async def freeze_a_node(scene: Scene) -> Sequence[Figure]:
    """Like a killed node, once the hang is detected; but now and then a call probes whether the node is back."""
    return await _played(scene, RabbitMQServer.freeze, back_seconds=NOTICED_SECONDS, most_refused=1)


async def _played(
    scene: Scene, strike: Callable[[RabbitMQServer], None], *, back_seconds: float, most_refused: int
) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="flowport-cluster-") as folder:
        async with _cluster(Path(folder) / "nodes", scene) as (nodes, formed), AsyncExitStack() as opened:
            line = await opened.enter_async_context(Line([node.port for node in nodes]))
            environment = {
                **ENVIRONMENT,
                "FLOWPORT_AMQP_URL": nodes[0].amqp_url.replace(f":{nodes[0].port}/", f":{line.port}/"),
            }
            stack = Stack(Path(folder) / "stack", ports=StackPorts.free(), executors=2, environment=environment)
            opened.push_async_callback(asyncio.to_thread, stack.stop)
            await asyncio.to_thread(stack.start)
            scene.say("the stack is up on the cluster")
            hit = partial(asyncio.to_thread, strike, nodes[0])
            figures = await _load(scene, stack, hit, back_seconds=back_seconds, most_refused=most_refused)
            return [Figure("the cluster formed in", formed, "s"), *figures]


async def _load(
    scene: Scene, stack: Stack, strike: Callable[[], Awaitable[None]], *, back_seconds: float, most_refused: int
) -> list[Figure]:
    settings = GatewaySettings(mongodb_uri=stack.mongodb_uri, default_plan=PlanName.SELF_HOSTED)
    made = await make_first_key(settings)
    api = PublicApi(stack.url, made.api_key, made.workspace_id)
    workflow_id = await api.publish(steps(scene.witness.url, "node-a", "node-b"))
    calls: list[tuple[float, int]] = []
    load = SteadyLoad([stack.url], made.api_key, workflow_id, rate=RATE, seed=scene.options.seed)
    stopping = asyncio.Event()
    loading = asyncio.create_task(load.go_on(stopping))
    calling = asyncio.create_task(_call(api, workflow_id, calls, stopping))
    await asyncio.sleep(LOAD_SECONDS)
    hit_at = time.time()
    await strike()
    scene.say(f"hit the node with the transient queue; {len(load.jobs)} accepted")
    await asyncio.sleep(back_seconds + LOAD_SECONDS)
    stopping.set()
    await loading
    await calling
    await api.close()
    await load.settle(seconds=60)
    await load.close()
    jobs = load.jobs.values()
    later = [job.ended_at - hit_at for job in jobs if job.ended_at is not None and job.accepted_at > hit_at]
    return [
        Figure("jobs accepted", len(jobs)),
        Figure("accepted and lost", sum(job.ended_at is None for job in jobs), at_most=0),
        Figure("failed", sum(job.status == "failed" for job in jobs), at_most=0),
        Figure("accepted after it", len(later), at_least=1),
        Figure(
            f"calls answered later than {back_seconds:.0f} s after it",
            sum(at > hit_at + back_seconds for at, status in calls if status == OK),
            at_least=5,
        ),
        Figure(
            f"calls refused later than {back_seconds:.0f} s after it",
            sum(at > hit_at + back_seconds for at, status in calls if status != OK),
            at_most=most_refused,
        ),
        Figure("the first of them ended after", min(later, default=float("inf")), "s", at_most=back_seconds + 5),
    ]


async def _call(api: PublicApi, workflow_id: str, calls: list[tuple[float, int]], stopping: asyncio.Event) -> None:
    """Make sync calls one after the other; record the time and status of each."""
    while not stopping.is_set():
        at = time.time()
        answer = await api.run(workflow_id, {"run": f"call-{len(calls)}"})
        calls.append((at, answer.status_code))
        await asyncio.sleep(CALL_EACH_SECONDS)


@asynccontextmanager
async def _cluster(folder: Path, scene: Scene) -> AsyncIterator[tuple[list[RabbitMQServer], float]]:
    began = time.monotonic()
    nodes = [RabbitMQServer(folder / "node1", name="flowport1")]
    nodes += [RabbitMQServer(folder / f"node{n}", name=f"flowport{n}", joins=nodes[0]) for n in range(2, NODES + 1)]
    try:
        for node in nodes:
            await asyncio.to_thread(node.start)
        await asyncio.to_thread(_await_members, nodes[0])
        formed = time.monotonic() - began
        scene.say(f"three nodes after {formed:.0f} s")
        await declare_topology(nodes[0].amqp_url, default_topology(LONGEST_RUN_SECONDS))
        await Management(nodes[0].management_url).apply_policies(default_topology(LONGEST_RUN_SECONDS))
        yield nodes, formed
    finally:
        for node in reversed(nodes):
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.stop)


def _await_members(node: RabbitMQServer) -> None:
    node.ctl("await_online_nodes", str(NODES))


SCENARIOS: Final = (
    Scenario("cluster", "one of three RabbitMQ nodes is killed under load", kill_a_node),
    Scenario("node-hangs", "one of three RabbitMQ nodes hangs under load", freeze_a_node),
)
