"""A run waits for a person, tells where to send the answer, and continues with it."""

from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, PUBLIC_URL, StillClock, echo, engine_of, failure, names, run
from tests.support.workflow_states import block, chain, edge, workflow

from executor_service.blocks.human_in_the_loop import HumanInTheLoopHandler
from executor_service.engine import Engine, RunResult
from shared.contracts.runs import RunStatus
from shared.workflow.format.js_values import Json, JsonObject

FORM: list[Json] = [
    {"id": "f1", "name": "approved", "type": "boolean", "label": "Do you agree?", "required": True},
    {"name": "note", "value": "none", "description": "Why?", "placeholder": ""},
]
WHO: list[Json] = [{"id": "n", "name": "name", "type": "string", "value": "Ada"}]
SHOWN: list[Json] = [
    {"id": "s1", "name": "offer", "type": "string", "value": "<start.input>"},
    {"id": "s2", "name": "by", "type": "object", "value": WHO},
    {"id": "s3", "name": "days", "type": "number", "value": "7"},
]
LINKS = {
    "apiUrl": f"{PUBLIC_URL}/api/resume/wf-1/run-1/h",
    "uiUrl": f"{PUBLIC_URL}/resume/wf-1/run-1",
    "contextId": "h",
    "executionId": "run-1",
    "workflowId": "wf-1",
}


def asking(*follow: str, form: list[Json] = FORM) -> JsonObject:
    """Return a workflow that asks a person, then returns each of these references; `lost` follows the error edge."""
    blocks = [echo(f"after{number}", text) for number, text in enumerate(follow)]
    return workflow(
        INPUT,
        block("h", "human_in_the_loop", "Ask", settings={"inputFormat": form, "builderData": SHOWN}),
        *blocks,
        echo("lost", "lost"),
        edges=(
            edge("start", "h"),
            *(edge("h", str(after["id"])) for after in blocks),
            edge("h", "lost", "error"),
        ),
    )


@pytest.fixture
def engine() -> Engine:
    return engine_of({"human_in_the_loop": HumanInTheLoopHandler()})


async def answered(engine: Engine, document: JsonObject, answer: dict[str, Any]) -> RunResult:
    paused = await run(document, engine, {"input": "5 % off"})
    return await run(document, engine, state=paused.state, resumptions={"h": answer})


async def test_a_paused_run_answers_with_its_question_and_the_resume_link(engine: Engine) -> None:
    result = await run(asking(), engine, {"input": "5 % off"})
    assert result.outcome.status is RunStatus.PAUSED
    assert result.output == {
        "data": {
            "operation": "human",
            "responseStructure": [
                {"name": "offer", "type": "string", "value": "5 % off"},
                {"name": "by.name", "type": "string", "value": "Ada"},
                {"name": "days", "type": "number", "value": 7},
            ],
            "inputFormat": [
                {"id": "f1", "name": "approved", "label": "Do you agree?", "type": "boolean", "required": True},
                {
                    **{"id": "field_1", "name": "note", "label": "note", "type": "string", "required": False},
                    **{"description": "Why?", "value": "none"},
                },
            ],
            "submission": None,
            "_resume": LINKS,
        },
        "status": 200,
        "headers": {"Content-Type": "application/json"},
    }


async def test_the_pause_is_named_after_the_block(engine: Engine) -> None:
    (pause,) = (await run(asking(), engine)).pauses
    assert (pause.context_id, pause.block_id, pause.kind, pause.resume_at) == ("h", "h", "human", None)


async def test_until_then_the_block_shows_the_form_s_defaults_and_the_links(engine: Engine) -> None:
    (pause,) = (await run(asking(), engine)).pauses
    output = {key: value for key, value in pause.output.items() if key != "response"}
    assert output == {
        "approved": None,
        "note": "none",
        "url": LINKS["uiUrl"],
        "resumeEndpoint": LINKS["apiUrl"],
    }


async def test_nothing_that_follows_runs_before_the_answer(engine: Engine) -> None:
    assert names(await run(asking("<ask.approved>"), engine)) == ["Start", "Ask"]


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("<ask.approved>", "true"),
        ("<ask.note>", "none"),
        ("<ask.submission>", '{"approved":true}'),
        ("<ask.resumeInput.approved>", "true"),
        ("<ask.submittedAt>", "2026-11-24T12:00:00.000Z"),
    ],
)
async def test_the_answer_is_in_the_block_s_output(engine: Engine, reference: str, value: str) -> None:
    result = await answered(engine, asking(reference), {"approved": True})
    assert result.outcome.status is RunStatus.COMPLETED
    assert result.output == {"data": value}


async def test_the_log_shows_the_answer_and_its_time() -> None:
    clock = StillClock()
    engine = engine_of({"human_in_the_loop": HumanInTheLoopHandler()}, clock)
    paused = await run(asking(), engine, {"input": "5 % off"})
    clock.move(hours=1)
    result = await run(asking(), engine, state=paused.state, resumptions={"h": {"approved": True}})
    (asked,) = [log for log in result.blocks if log.block_name == "Ask"]
    assert (asked.output["approved"], asked.output["submission"]) == (True, {"approved": True})
    assert (asked.ended_at, asked.duration_ms) == (clock.now(), 3_600_000)


@pytest.mark.parametrize("key", ["error", "selectedRoute", "selectedOption"])
async def test_no_answer_steers_the_run_out_of_its_way(engine: Engine, key: str) -> None:
    result = await answered(engine, asking(f"<ask.submission.{key}>"), {key: "lost"})
    assert names(result) == ["Start", "Ask", "after0"]
    assert result.output == {"data": "lost"}


async def test_two_pauses_are_both_reported(engine: Engine) -> None:
    document = workflow(
        INPUT,
        block("h", "human_in_the_loop", "Ask"),
        block("i", "human_in_the_loop", "Ask again"),
        edges=(edge("start", "h"), edge("start", "i")),
    )
    result = await run(document, engine)
    assert result.output["pauseCount"] == 2
    assert [pause["contextId"] for pause in result.output["pausedBlocks"]] == ["h", "i"]
    one_left = await run(document, engine, state=result.state, resumptions={"h": {}})
    assert one_left.outcome.status is RunStatus.PAUSED
    assert one_left.output["data"]["_resume"]["contextId"] == "i"


@pytest.mark.parametrize("notification", [[{"type": "slack"}], '[{"type": "api", "usageControl": "auto"}]'])
async def test_an_unsupported_notification_fails_the_block(engine: Engine, notification: Any) -> None:
    document = chain(INPUT, block("h", "human_in_the_loop", "Ask", notification=notification))
    assert failure(await run(document, engine)).startswith("Ask: This server sends no notifications for a pause")


@pytest.mark.parametrize("notification", [[], "", [{"type": "slack", "usageControl": "none"}]])
async def test_a_pause_without_notification_does_not_fail(engine: Engine, notification: Any) -> None:
    document = chain(INPUT, block("h", "human_in_the_loop", "Ask", notification=notification))
    assert (await run(document, engine)).outcome.status is RunStatus.PAUSED


async def test_a_field_with_a_reserved_name_and_a_default_cannot_steer_the_run(engine: Engine) -> None:
    document = asking("<ask.note>", form=[{"name": "error", "value": "x"}, {"name": "note", "value": "n"}])
    result = await answered(engine, document, {"error": "boom"})
    assert names(result) == ["Start", "Ask", "after0"]
    assert result.output == {"data": "n"}


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("boolean", "false", False),
        ("number", "3", 3),
        ("object", '{"a": 1}', {"a": 1}),
        ("boolean", "perhaps", "perhaps"),
        ("number", "", ""),
        (None, "no", "no"),
    ],
)
async def test_an_unanswered_field_has_its_default_in_its_type(kind: str | None, default: str, value: Json) -> None:
    form: list[Json] = [{"name": " approved ", "type": kind, "value": default}]
    document = asking(form=form)
    engine = engine_of({"human_in_the_loop": HumanInTheLoopHandler()})
    (asked,) = [log for log in (await answered(engine, document, {})).blocks if log.block_name == "Ask"]
    assert asked.output["approved"] == value
    assert type(asked.output["approved"]) is type(value)
