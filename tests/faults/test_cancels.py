"""A cancel in any state of the run: remembered, idempotent, and effective at the model within a second."""

import asyncio
from collections.abc import Awaitable, Callable
from signal import SIGCONT, SIGSTOP

import httpx2
import pytest
from tests.support.eventually import eventually, until
from tests.support.model_server import End, ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, block, start, workflow

from flowport.local.stack import Stack

Cancel = Callable[[PublicApi, str, str], Awaitable[httpx2.Response]]
WORKERS = ("executor-service", "executor-service-2")


async def legacy(api: PublicApi, workflow_id: str, run_id: str) -> httpx2.Response:
    return await api.http.post(f"/api/workflows/{workflow_id}/executions/{run_id}/cancel")


async def v2(api: PublicApi, workflow_id: str, run_id: str) -> httpx2.Response:
    return await api.http.post(f"/api/v2/workflows/{workflow_id}/runs/{run_id}/cancel")


both = pytest.mark.parametrize("cancel", [legacy, v2])
v2_at_least = pytest.mark.parametrize("cancel", [pytest.param(legacy, marks=pytest.mark.full), v2])
"""Both routes share the code behind them: the tests before these call both."""


@pytest.fixture
async def talker(api: PublicApi, models: ModelServer, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A workflow whose model never ends, and the model's name."""
    name = f"talker-{request.node.name.replace('[', '-').replace(']', '')}"
    models.answer(name, Reply.says("word " * 10_000, token_seconds=0.05))
    return await api.publish(workflow(name, [start(), agent("a1", f"vllm/{name}", "go on")], (START, "a1"))), name


async def cancelled(api: PublicApi, workflow_id: str, job: dict[str, str], cancel: Cancel) -> None:
    """Cancel twice, and check that the job ends as cancelled."""
    first = await cancel(api, workflow_id, job["executionId"])
    assert first.status_code == 200, first.text
    ended = await api.ended_job(job["jobId"], seconds=60)
    assert (ended["status"], ended["error"]) == ("failed", "Cancelled")
    again = await cancel(api, workflow_id, job["executionId"])
    body = again.json()
    assert (again.status_code, body.get("data", body)["reason"]) == (200, "already_cancelled")


@both
async def test_a_run_at_work_is_cancelled(
    api: PublicApi, models: ModelServer, talker: tuple[str, str], cancel: Cancel
) -> None:
    workflow_id, model = talker
    job = await api.queue(workflow_id)
    await eventually(lambda: models.calls_of(model))
    await cancelled(api, workflow_id, job, cancel)
    await eventually(lambda: models.calls_of(model)[-1].end is End.HUNG_UP)


@both
async def test_a_queued_run_is_cancelled_without_a_worker(
    api: PublicApi, models: ModelServer, stack: Stack, talker: tuple[str, str], cancel: Cancel
) -> None:
    workflow_id, model = talker
    for name in WORKERS:
        stack.kill(name, SIGSTOP)
    try:
        await cancelled(api, workflow_id, await api.queue(workflow_id), cancel)
    finally:
        for name in WORKERS:
            stack.kill(name, SIGCONT)
    await asyncio.sleep(0.5)
    assert models.calls_of(model) == []


async def test_runs_of_a_lost_worker_are_cancelled(
    api: PublicApi, models: ModelServer, stack: Stack, talker: tuple[str, str]
) -> None:
    workflow_id, model = talker
    jobs = [await api.queue(workflow_id) for _ in range(2)]
    await eventually(lambda: len(models.calls_of(model)) == 2)
    for name in WORKERS:  # frozen first: the last one to end must not take over the runs of the others
        stack.kill(name, SIGSTOP)
    for name in WORKERS:
        stack.kill(name)
    try:
        for job, cancel in zip(jobs, (legacy, v2), strict=True):
            await cancelled(api, workflow_id, job, cancel)
    finally:
        await asyncio.gather(*(asyncio.to_thread(stack.restart, name) for name in WORKERS))
    assert len(models.calls_of(model)) == 2


@v2_at_least
async def test_a_paused_run_is_cancelled(api: PublicApi, cancel: Cancel) -> None:
    blocks = [start(), block("h1", "human_in_the_loop", "Ask")]
    workflow_id = await api.publish(workflow("Ask", blocks, (START, "h1")))
    job = await api.queue(workflow_id)
    await _paused(api, workflow_id, job["executionId"])
    await cancelled(api, workflow_id, job, cancel)


@v2_at_least
async def test_an_attached_run_is_cancelled(
    api: PublicApi, models: ModelServer, talker: tuple[str, str], cancel: Cancel
) -> None:
    workflow_id, model = talker
    run_id = f"mine-{model}"
    call = asyncio.create_task(api.run(workflow_id, headers={"x-execution-id": run_id}))
    await eventually(lambda: models.calls_of(model))
    assert (await cancel(api, workflow_id, run_id)).status_code == 200
    await eventually(lambda: models.calls_of(model)[-1].end is End.HUNG_UP)
    assert (await call).json()["success"] is False


async def test_an_attached_run_that_no_worker_has_seen_is_cancelled_through_another_gateway(
    api: PublicApi, models: ModelServer, stack: Stack, talker: tuple[str, str]
) -> None:
    workflow_id, model = talker
    other = PublicApi(stack.url_of("gateway-2"), api.http.headers["x-api-key"], api.workspace_id)
    for name in WORKERS:
        stack.kill(name, SIGSTOP)
    try:
        call = asyncio.create_task(api.run(workflow_id, headers={"x-execution-id": "unseen"}))
        async with asyncio.timeout(30):
            while (answer := await legacy(other, workflow_id, "unseen")).status_code == 404:  # noqa: ASYNC110 - not sent yet
                await asyncio.sleep(0.05)
    finally:
        for name in WORKERS:
            stack.kill(name, SIGCONT)
    await other.close()

    assert (answer.status_code, answer.json()["reason"]) in ((200, "recorded"), (200, "already_cancelled"))
    assert (await call).json()["success"] is False
    assert models.calls_of(model) == []


@v2_at_least
async def test_an_attached_run_without_a_worker_ends_as_cancelled(
    api: PublicApi, models: ModelServer, stack: Stack, talker: tuple[str, str], cancel: Cancel
) -> None:
    workflow_id, model = talker
    run_id = f"untaken-{model}"
    for name in WORKERS:
        stack.kill(name, SIGSTOP)
    try:
        call = asyncio.create_task(api.run(workflow_id, headers={"x-execution-id": run_id}))

        async def is_known() -> bool:
            return (await cancel(api, workflow_id, run_id)).status_code != 404

        async def is_recorded() -> bool:
            return await _status(api, workflow_id, run_id) == "cancelled"

        await until(is_known)
        assert (await call).json()["success"] is False
        await until(is_recorded)
    finally:
        for name in WORKERS:
            stack.kill(name, SIGCONT)
    assert models.calls_of(model) == []


@both
async def test_an_ended_run_cannot_be_cancelled(api: PublicApi, cancel: Cancel) -> None:
    workflow_id = await api.publish(workflow("Short", [start()]))
    job = await api.queue(workflow_id)
    await api.ended_job(job["jobId"])
    answer = await cancel(api, workflow_id, job["executionId"])
    assert answer.status_code == 409
    assert "Execution cannot be cancelled while completed" in answer.text


async def _status(api: PublicApi, workflow_id: str, run_id: str) -> str:
    answer = await api.http.get(f"/api/v2/workflows/{workflow_id}/runs/{run_id}")
    return str(answer.json().get("data", {}).get("status"))


async def _paused(api: PublicApi, workflow_id: str, run_id: str) -> None:
    async with asyncio.timeout(30):
        while not (await api.http.get(f"/api/resume/{workflow_id}/{run_id}")).is_success:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
