"""A model scores a text; scores are numbers whatever it answers."""

import json
from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, Models, echo, engine_of, failure, run, run_block
from tests.support.workflow_states import block, chain

from executor_service.blocks.evaluator import EvaluatorHandler
from executor_service.engine import RunResult
from executor_service.providers import ModelFailure
from shared.workflow.format.js_values import Json

METRICS: list[Json] = [
    {"id": "1", "name": "Accuracy", "description": "Is it true?", "range": {"min": 0, "max": 10}},
    {"id": "2", "name": "Tone", "description": "Is it kind?", "range": {"min": 1, "max": 5}},
]


async def evaluate(models: Models, **settings: Any) -> RunResult:
    given = {"metrics": METRICS, "content": "<start.input>", "model": "vllm/test", **settings}
    return await run_block("evaluator", EvaluatorHandler(models), {"input": "The sky is blue."}, **given)


async def test_each_metric_is_a_number_of_the_output_under_its_name_in_lower_case() -> None:
    result = await evaluate(Models('{"accuracy": 8, "tone": 3}'))
    assert result.output == {
        "content": "The sky is blue.",
        "model": "vllm/test",
        "tokens": {"input": 10, "output": 5, "total": 15},
        "cost": {"input": 0, "output": 0, "total": 0},
        "accuracy": 8,
        "tone": 3,
    }


async def test_the_model_gets_metrics_ranges_and_a_schema() -> None:
    models = Models("{}")
    await evaluate(models)
    system, user = models.prompts
    assert all(text in system for text in ("accuracy (0 to 10): Is it true?", "tone (1 to 5): Is it kind?"))
    assert user == "The sky is blue."
    wanted = models.requests[0].response_format
    assert wanted is not None
    assert wanted.name == "evaluation_response"
    assert wanted.schema["required"] == ["accuracy", "tone"]


@pytest.mark.parametrize("answer", ["It is fine.", "[8, 3]", '{"accuracy": "high", "tone": null}', "{}"])
async def test_an_answer_that_cannot_be_read_scores_nothing(answer: str) -> None:
    output = (await evaluate(Models(answer))).output
    assert (output["accuracy"], output["tone"]) == (0, 0)


async def test_scores_are_found_in_any_case() -> None:
    output = (await evaluate(Models('```json\n{"Accuracy": "7.5", "TONE": 2}\n```'))).output
    assert (output["accuracy"], output["tone"]) == (7.5, 2)


async def test_metrics_stored_as_text_are_read() -> None:
    assert (await evaluate(Models('{"tone": 4}'), metrics=json.dumps(METRICS))).output["tone"] == 4


async def test_later_blocks_can_refer_to_a_score() -> None:
    evaluator = block("b", "evaluator", "Judge", settings={"metrics": METRICS, "content": "x", "model": "vllm/test"})
    engine = engine_of({"evaluator": EvaluatorHandler(Models('{"accuracy": 9, "tone": 1}'))})
    result = await run(chain(INPUT, evaluator, echo("after", "<judge.accuracy>/<judge.tone>")), engine)
    assert result.output == {"data": "9/1"}


async def test_a_provider_failure_is_passed_on() -> None:
    assert failure(await evaluate(Models(ModelFailure("model exploded")))) == "B: model exploded"
