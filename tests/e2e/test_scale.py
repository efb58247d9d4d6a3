"""Large runs through the whole system end with the right answer. Benchmarks measure how long they take."""

import asyncio
import itertools
from typing import Any

import httpx2
import pytest
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, block, function, start, workflow

MIB = 1024 * 1024
RECORD_SECONDS = 120


@pytest.fixture
def api(api: PublicApi) -> PublicApi:
    """Timeout for such runs."""
    api.http.timeout = httpx2.Timeout(RECORD_SECONDS)
    return api


def step(number: int, **data: Any) -> dict[str, Any]:
    """Return a block that needs no sandbox, so that many of them are quick."""
    made = block(f"v{number}", "variables", f"Step {number}", variables=[])
    return {**made, "data": data}


def boxed(kind: str, data: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Return a loop or parallel around one block, and a function after it that counts the rounds."""
    box = {**block("box", kind, "Box"), "data": data}
    inner = {**inner, "data": {"parentId": "box", "extent": "parent"}}
    count = function("count", "return <box.results>.length", name="Count")
    into, out = ("box", inner["id"], f"{kind}-start-source"), ("box", "count", f"{kind}-end-source")
    return workflow(f"Large {kind}", [start(), box, inner, count], (START, "box"), into, out)


async def result_of(api: PublicApi, file: dict[str, Any]) -> Any:
    """Return the output of the run; its record must arrive too, however many blocks it lists."""
    workflow_id = await api.publish(file)
    answer = await api.run(workflow_id)
    assert answer.status_code == 200, answer.text[:500]
    path = f"/api/workflows/{workflow_id}/executions/{answer.json()['executionId']}"
    async with asyncio.timeout(RECORD_SECONDS):
        while True:
            if (await api.http.get(path)).json().get("status") == "completed":
                break
            await asyncio.sleep(0.05)
    return answer.json()["output"]["result"]


async def test_a_chain_of_a_thousand_blocks_ends(api: PublicApi) -> None:
    ids = [START, *(f"v{number}" for number in range(1_000)), "last"]
    blocks = [start(), *(step(number) for number in range(1_000)), function("last", "return 'end'")]
    chain = workflow("Long chain", blocks, *itertools.pairwise(ids))
    assert await result_of(api, chain) == "end"


async def test_a_thousand_parallel_blocks_are_all_joined(api: PublicApi) -> None:
    ids = [f"v{number}" for number in range(1_000)]
    blocks = [start(), *(step(number) for number in range(1_000)), function("last", "return 'end'")]
    edges = [(START, each) for each in ids] + [(each, "last") for each in ids]
    assert await result_of(api, workflow("Wide fan-out", blocks, *edges)) == "end"


async def test_a_loop_of_ten_thousand_rounds_ends(api: PublicApi) -> None:
    assert await result_of(api, boxed("loop", {"loopType": "for", "count": 10_000}, step(0))) == 10_000


@pytest.mark.parametrize("rounds", [1_000, pytest.param(10_000, marks=pytest.mark.full)])
async def test_a_queued_loop_of_many_rounds_is_journaled_and_ends(api: PublicApi, rounds: int) -> None:
    file = boxed("loop", {"loopType": "for", "count": rounds}, step(0))
    accepted = await api.queue(await api.publish(file))
    ended = await api.ended_job(accepted["jobId"], seconds=RECORD_SECONDS)
    assert (ended["status"], ended["output"]["result"]) == ("completed", rounds)


async def test_an_output_of_nine_megabytes_is_returned_in_every_mode(api: PublicApi) -> None:
    make = function("make", f"return 'x'.repeat({9 * MIB})", name="Make")
    workflow_id = await api.publish(workflow("Large output", [start(), make], (START, "make")))
    answer = await api.run(workflow_id)
    assert len(answer.json()["output"]["result"]) == 9 * MIB
    accepted = await api.queue(workflow_id)
    ended = await api.ended_job(accepted["jobId"], seconds=RECORD_SECONDS)
    assert (ended["status"], len(ended["output"]["result"])) == ("completed", 9 * MIB)
    for path in (f"/api/workflows/{workflow_id}/execute", f"/api/v2/workflows/{workflow_id}/execute"):
        streamed = await api.http.post(path, json={"stream": True, "selectedOutputs": ["make.result"]})
        assert "Selected output is too large to inline" in streamed.text, streamed.text[-500:]
        assert streamed.text.endswith('data: "[DONE]"\n\n'), streamed.text[-500:]


async def test_fifty_megabytes_of_intermediate_data_pass_through(api: PublicApi) -> None:
    make = function("make", f"return 'x'.repeat({MIB})", name="Make")
    file = boxed("loop", {"loopType": "for", "count": 50}, make)
    file["state"]["blocks"]["count"]["subBlocks"]["code"]["value"] = "return <make.result>.length"
    assert await result_of(api, file) == MIB
