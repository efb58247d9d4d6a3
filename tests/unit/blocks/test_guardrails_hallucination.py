"""A model judges whether a text is hallucinated; the author sets the required confidence."""

from typing import Any

import pytest
from tests.support.blocks.runs import INPUT, Models, engine_of, run, run_block
from tests.support.workflow_states import block, chain

from executor_service.blocks.guardrails import GuardrailsHandler
from executor_service.blocks.guardrails.hallucination import NOT_READABLE
from executor_service.engine import RunResult
from executor_service.providers import ModelFailure
from shared.workflow.format.js_values import JsonObject
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE


async def check(models: Models, text: str = "The moon is cheese", **settings: Any) -> RunResult:
    given = {"input": "<start.input>", "validationType": "hallucination", "model": "vllm/m", **settings}
    return await run_block("guardrails", GuardrailsHandler(models), {"input": text}, **given)


def verdict(score: Any) -> Models:
    return Models(f'{{"score": {score}, "reasoning": "Because."}}')


async def test_a_text_that_is_supported_passes() -> None:
    models = verdict(8)
    result = await check(models)
    assert result.output == {
        "passed": True,
        "validationType": "hallucination",
        "input": "The moon is cheese",
        "score": 8,
        "reasoning": "Because.",
    }
    assert "The moon is cheese" in models.prompts[1]
    assert models.requests[0].response_format is not None
    assert result.usage.input_tokens == 10


async def test_a_text_that_is_invented_does_not() -> None:
    output = (await check(verdict(2.5))).output
    assert (output["passed"], output["score"]) == (False, 2.5)
    assert output["error"] == "Low confidence: score 2.5/10 is below 3"


@pytest.mark.parametrize(
    ("threshold", "passed"), [("7", True), (8, False), ("", True), (None, True), ("high", True), (0, True)]
)
async def test_the_author_sets_the_required_confidence(threshold: Any, passed: bool) -> None:
    assert (await check(verdict(7), threshold=threshold)).output["passed"] is passed


async def test_known_facts_are_what_counts() -> None:
    models = verdict(9)
    await check(models, context="The moon is rock.")
    assert "The moon is rock." in models.prompts[1]


@pytest.mark.parametrize(("score", "shown"), [(12, 10), (-1, 0), ('"4"', 4)])
async def test_a_score_is_held_to_its_range(score: Any, shown: float) -> None:
    assert (await check(verdict(score))).output["score"] == shown


@pytest.mark.parametrize(
    "answer", ["no idea", "[]", "{}", '{"score": true}', '{"score": "high"}', '{"score": null}', '{"score": ""}']
)
async def test_an_answer_without_a_score_does_not_pass(answer: str) -> None:
    output = (await check(Models(answer))).output
    assert (output["passed"], output["error"]) == (False, NOT_READABLE)


async def test_a_failed_model_call_is_quoted_and_does_not_pass() -> None:
    output = (await check(Models(ModelFailure("model exploded")))).output
    assert (output["passed"], output["error"]) == (False, "model exploded")


async def test_knowledge_bases_are_refused_in_a_sentence() -> None:
    output = (await check(Models("unasked"), knowledgeBaseId="kb")).output
    assert (output["passed"], output["error"]) == (False, NO_KNOWLEDGE)


async def test_the_reason_of_a_model_failure_contains_no_secret() -> None:
    failing = Models(ModelFailure("Incorrect API key provided: sk-secret"))
    settings: JsonObject = {"input": "x", "validationType": "hallucination", "model": "vllm/m", "apiKey": "{{KEY}}"}
    document = chain(INPUT, block("b", "guardrails", "B", settings=settings))
    engine = engine_of({"guardrails": GuardrailsHandler(failing)})
    result = await run(document, engine, environment={"KEY": "sk-secret"})
    assert result.output["error"] == "Incorrect API key provided: [REDACTED]"
