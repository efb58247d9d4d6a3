"""One trace, from the caller's `traceparent` through gateway, broker, worker and block to the model call."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import httpx2
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.eventually import eventually
from tests.support.public_api import PublicApi

EXAMPLE = json.loads((Path(__file__).parents[3] / "examples" / "summarise.json").read_text())
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


async def test_a_run_that_is_waited_for(api: PublicApi, spans: InMemorySpanExporter) -> None:
    workflow_id = await api.publish(EXAMPLE)
    spans.clear()
    answer = await api.run(workflow_id, {"input": "hi", "model": "vllm/any"}, headers={"traceparent": CALLER})
    assert answer.status_code == 200, answer.text
    lineage = [
        "POST /api/workflows/{workflow_id}/execute",
        "publish runs.express",
        "run",
        "block agent",
        "model vllm",
    ]
    await eventually(lambda: set(lineage) <= set(names(spans)))
    assert lineage_of(spans, "model vllm") == lineage


async def test_a_queued_run(api: PublicApi, spans: InMemorySpanExporter) -> None:
    workflow_id = await api.publish(EXAMPLE)
    spans.clear()
    headers = {"traceparent": CALLER, "X-Execution-Mode": "async"}
    accepted = await api.run(workflow_id, {"input": "hi", "model": "vllm/any"}, headers=headers)
    assert (await api.ended_job(accepted.json()["jobId"]))["status"] == "completed"
    lineage = ["POST /api/workflows/{workflow_id}/execute", "run", "block agent", "model vllm"]
    await eventually(lambda: set(lineage) <= set(names(spans)))
    assert lineage_of(spans, "model vllm") == lineage


async def test_callers_without_a_trace_get_a_new_one(api: PublicApi, spans: InMemorySpanExporter) -> None:
    async with httpx2.AsyncClient(base_url=api.url, timeout=30) as client:
        await asyncio.gather(*(client.get("/healthz") for _ in range(2)))
    await eventually(lambda: names(spans).count("GET /healthz") == 2)
    roots = [span for span in spans.get_finished_spans() if span.name == "GET /healthz"]
    assert len({span.context.trace_id for span in roots}) == 2
    assert [span.parent for span in roots] == [None, None]


def names(spans: InMemorySpanExporter) -> Sequence[str]:
    return [span.name for span in spans.get_finished_spans()]


def lineage_of(spans: InMemorySpanExporter, name: str) -> list[str]:
    """Return the names from the caller's span down to this one, all of the caller's trace."""
    known: dict[int, ReadableSpan] = {span.context.span_id: span for span in spans.get_finished_spans()}
    span: ReadableSpan | None = next(span for span in known.values() if span.name == name)
    found: list[str] = []
    while span is not None:
        assert f"{span.context.trace_id:032x}" == TRACE
        found.insert(0, span.name)
        span = known.get(span.parent.span_id) if span.parent else None
    return found
