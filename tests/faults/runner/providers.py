"""Model providers that hang, break off in the middle of a token, or are overloaded, for a thousand runs."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.faults.runner.figures import Figure, Scenario
from tests.faults.runner.scene import Scene
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import TERMINAL, PublicApi
from tests.support.workflow_files import START, JsonObject, agent, start, workflow

RUNS: Final = 1_000
AT_ONCE: Final = 60
TIME_LIMIT_SECONDS: Final = 3
PATIENCE_SECONDS: Final = 60
KINDS: Final = ("hangs", "cuts", "busy", "well")
BROKEN: Final = ("hangs", "cuts")
COMPLETED, FAILED, STUCK = "completed", "failed", "stuck"
DONE: Final = "[DONE]"


class End(NamedTuple):
    """Return how a run ended for its caller: `stuck` if it did not."""

    kind: str
    status: str
    why: str


async def failing_providers(scene: Scene) -> Sequence[Figure]:
    """Half of the runs are streams, so that a model breaks off while it streams; half are queued.

    Where a model hangs all are queued: only queued runs may have a separate time limit.
    """
    chance, room = scene.chance("providers"), asyncio.Semaphore(AT_ONCE)
    _script(scene.models)
    async with scene.api() as api:
        ids = {kind: await api.publish(_says_this(kind)) for kind in KINDS}

        async def end_of(kind: str, *, streamed: bool) -> End:
            async with room:
                return End(kind, *await (_streamed if streamed else _queued)(api, ids[kind]))

        began = time.monotonic()
        chosen = [(chance.choice(KINDS), chance.random() < 0.5) for _ in range(RUNS)]
        ends = await asyncio.gather(*(end_of(kind, streamed=half and kind != "hangs") for kind, half in chosen))
        took = time.monotonic() - began
    for kind in KINDS:
        outcomes = sorted({f"{end.status} {end.why}".strip() for end in ends if end.kind == kind})
        scene.say(f"{kind}: {sum(end.kind == kind for end in ends)} runs, {'; '.join(outcomes)}")
    return [
        Figure("runs", len(ends)),
        Figure("all ended after", took, "s"),
        Figure("stuck", sum(end.status == STUCK for end in ends), at_most=0),
        Figure("broken or hung and not failed", _other(ends, BROKEN, FAILED), at_most=0),
        Figure("healthy and not completed", _other(ends, ("well",), COMPLETED), at_most=0),
        Figure("busy and not completed: refused more often than tried", _other(ends, ("busy",), COMPLETED)),
    ]


def _other(ends: Sequence[End], kinds: Sequence[str], status: str) -> int:
    return sum(end.status != status for end in ends if end.kind in kinds)


def _says_this(kind: str) -> JsonObject:
    return workflow(kind, [start(), agent("a1", f"vllm/provider-{kind}", "Say this")], (START, "a1"))


async def _streamed(api: PublicApi, workflow_id: str) -> tuple[str, str]:
    """Return the last frame before the end: `error`, or `final`."""
    body = {"stream": True, "selectedOutputs": ["agent_1.content"]}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), api.stream(workflow_id, body) as frames:
            frames.response.raise_for_status()
            rest = await frames.rest()
    except TimeoutError:
        return STUCK, "the stream did not end"
    last = rest[-2] if len(rest) > 1 and rest[-1] == DONE else {}
    match last.get("event"):
        case "final":
            return COMPLETED, ""
        case "error":
            return FAILED, str(last["error"])
        case _:
            return STUCK, "the stream ended and said nothing"


async def _queued(api: PublicApi, workflow_id: str) -> tuple[str, str]:
    headers = {"X-Execution-Mode": "async", "X-Execution-Timeout-Seconds": str(TIME_LIMIT_SECONDS)}
    answer = await api.run(workflow_id, headers=headers)
    job_id = answer.raise_for_status().json()["jobId"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job = await api.job(job_id)
        if job["status"] in TERMINAL:
            return job["status"], str(job.get("error", ""))
        await asyncio.sleep(0.2)
    return STUCK, "the run did not end"


def _script(models: ModelServer) -> None:
    models.answer("provider-hangs", Reply.says("never", gate=models.gate()))
    models.answer("provider-cuts", Reply.says("half a word and then nothing more", token_seconds=0.01, cut_after=3))
    busy = [Reply.fails(429, "too busy", retry_after=1), Reply.says("at last")]
    models.answer("provider-busy", *busy * RUNS)


SCENARIOS: Final = (Scenario("providers", "model providers that hang, break off, are busy (23)", failing_providers),)
