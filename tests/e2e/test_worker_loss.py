"""Accepted runs complete: queued runs survive the loss of their worker."""

import asyncio

from tests.support.eventually import eventually
from tests.support.model_server import End, ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack

JOBS = 12
LEASE_SECONDS = 90


async def test_every_job_of_a_killed_worker_is_completed(api: PublicApi, models: ModelServer, stack: Stack) -> None:
    gate = models.gate()
    models.answer("patient", Reply.says("done", gate=gate))
    file = workflow("Patient", [start(), agent("a1", "vllm/patient", "<start.input>")], (START, "a1"))
    workflow_id = await api.publish(file)
    accepted = await asyncio.gather(*(api.queue(workflow_id, {"input": f"job {n}"}) for n in range(JOBS)))
    await eventually(lambda: len(models.calls_of("patient")) == JOBS)

    stack.kill("executor-service-2")
    await eventually(lambda: any(call.end is End.HUNG_UP for call in models.calls_of("patient")))
    gate.open()
    ended = await asyncio.gather(*(api.ended_job(job["jobId"], seconds=LEASE_SECONDS) for job in accepted))
    await asyncio.to_thread(stack.restart, "executor-service-2")

    assert [job["status"] for job in ended] == ["completed"] * JOBS
    assert {job["output"]["content"] for job in ended} == {"done"}
