"""An imported draft is changed so that it runs here."""

from tests.support.gateway.system import System
from tests.support.workflow_states import block, chain

from shared.contracts.deployments import SaveDraft

TRIGGER = {**block("t", "schedule", "Every Morning"), "triggerMode": True}
TELL = block("s", "slack", "Tell", channel="C1", text="Hi", operation="send")


async def test_a_schedule_becomes_a_start_and_a_message_a_call(system: System) -> None:
    await system.deployments.save_draft("WS1", "W", SaveDraft(state=chain(TRIGGER, TELL)))
    route = "/api/workflows/W/state/conversions"
    converted = await system.send("POST", route, {"addStart": True, "replace": True})
    assert converted.json == {
        "start": "Every Morning",
        "replaced": [{"name": "Tell", "title": "Slack message", "secret": "SLACK_TOKEN"}],
    }
    blocks = (await system.get("/api/workflows/W/state")).json["blocks"]
    assert (blocks["t"]["type"], blocks["s"]["type"]) == ("start_trigger", "api")
    again = await system.send("POST", route, {"addStart": True, "replace": True})
    assert again.json == {"start": None, "replaced": []}
