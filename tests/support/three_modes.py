"""Run a workflow in each mode over the public API: sync, stream and async."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.support.public_api import PublicApi

from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings

ECHO: Final = Path(__file__).parents[2] / "examples" / "summarise.json"
INPUT: Final = {"input": "hello"}


class Answers(msgspec.Struct):
    """Answers that callers got."""

    sync: dict[str, Any]
    streamed: list[Any]
    queued: dict[str, Any]

    @property
    def are_good(self) -> bool:
        """Return whether each answer is as expected."""
        texts = [self.sync["output"]["content"], self.queued["output"]["content"]]
        return all(text.endswith("You said: hello") for text in texts) and self.streamed[-1] == "[DONE]"


async def run_in_three_modes(url: str, mongodb_uri: str) -> Answers:
    """Create a key, publish the example that needs no model, and call it."""
    made = await make_first_key(GatewaySettings(mongodb_uri=mongodb_uri))
    api = PublicApi(url, made.api_key, made.workspace_id)
    workflow_id = await api.publish(json.loads(ECHO.read_bytes()))
    async with api.stream(workflow_id, {**INPUT, "selectedOutputs": ["agent_1.content"]}) as frames:
        streamed = await frames.rest()
    sync = (await api.run(workflow_id, INPUT)).json()
    queued = await api.ended_job((await api.queue(workflow_id, INPUT))["jobId"])
    await api.close()
    return Answers(sync, streamed, queued)
