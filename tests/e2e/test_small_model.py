"""A real language model, small enough for a test, answers through an agent, without a stub."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.public_api import PublicApi
from tests.support.small_model import SmallModel
from tests.support.workflow_files import START, agent, start, workflow


@pytest.fixture
def small_model(tmp_path: Path, small_model_port: int) -> Iterator[SmallModel]:
    with SmallModel(tmp_path, port=small_model_port) as model:
        yield model


@pytest.mark.usefixtures("small_model")
async def test_a_real_model_streams_its_answer_through_an_agent(api: PublicApi) -> None:
    talker = agent("a1", "litellm/smollm2", "<start.input>", maxTokens="24", temperature="0")
    workflow_id = await api.publish(workflow("Real model", [start(), talker], (START, "a1")))
    body = {"input": "Count from one to ten.", "selectedOutputs": ["agent_1.content", "agent_1.tokens"]}
    async with api.stream(workflow_id, body) as frames:
        assert frames.response.status_code == 200
        *chunks, final, done = await frames.rest()
    assert "".join(chunk["chunk"] for chunk in chunks).strip()
    assert {chunk["blockId"] for chunk in chunks} == {"a1"}
    assert final["data"]["success"] is True
    used = final["data"]["output"]["a1"]["tokens"]
    assert 0 < used["output"] <= 24
    assert used["total"] == used["input"] + used["output"]
    assert done == "[DONE]"
