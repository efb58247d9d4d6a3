"""Traces hold no inputs, outputs or environment values, and broker messages no environment values."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow

from shared.broker.message_bodies import encode_body

VALUE, INPUT = "the-value-of-KEY", "what-the-caller-sent"
QUEUED = {"X-Execution-Mode": "async"}


async def publish(api: PublicApi, code: str) -> str:
    """Deploy a workflow that sends the value and its input to a model, and then runs this code."""
    path = f"/api/workspaces/{api.workspace_id}/environment/KEY"
    (await api.http.put(path, json={"value": VALUE})).raise_for_status()
    blocks = [start(), agent("a1", "vllm/any", "{{KEY}} <start.input>"), function("f1", code)]
    return await api.publish(workflow("Private", blocks, (START, "a1"), ("a1", "f1")))


async def run(api: PublicApi, workflow_id: str, *, status: str) -> None:
    """Run the workflow with and without waiting."""
    waited = (await api.run(workflow_id, {"input": INPUT})).json()
    assert waited["success"] is (status == "completed"), waited
    queued = await api.queue(workflow_id, {"input": INPUT})
    assert (await api.ended_job(queued["jobId"]))["status"] == status


@pytest.mark.parametrize(
    ("code", "status"),
    [("return '{{KEY}}' + <start.input>", "completed"), ("throw new Error('{{KEY}}' + <start.input>)", "failed")],
)
async def test_a_trace_holds_no_input_output_or_environment_value(
    api: PublicApi, spans: InMemorySpanExporter, code: str, status: str
) -> None:
    await run(api, await publish(api, code), status=status)
    await eventually(lambda: [span.name for span in spans.get_finished_spans()].count("block function") == 2)
    recorded = "".join(span.to_json() for span in spans.get_finished_spans())
    assert '"flowport.block.id": "f1"' in recorded
    assert [private for private in (VALUE, INPUT) if private in recorded] == []


async def test_no_broker_message_holds_an_environment_value(api: PublicApi, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []

    def encode_and_keep(*message: Any, **options: Any) -> bytes:
        bodies.append(encode_body(*message, **options))
        return bodies[-1]

    monkeypatch.setattr("shared.broker.memory.encode_body", encode_and_keep)
    workflow_id = await publish(api, "return '{{KEY}}'.length")
    await run(api, workflow_id, status="completed")
    await eventually(lambda: any(b"run.records" in body and INPUT.encode() in body for body in bodies))
    assert not any(VALUE.encode() in body for body in bodies)
