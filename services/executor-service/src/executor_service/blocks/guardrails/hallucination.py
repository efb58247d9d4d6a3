"""Detects hallucinations in a text with a model."""

from typing import Final

from executor_service.blocks.model_query import query_model
from executor_service.blocks.ports import ModelServer
from executor_service.blocks.values import number_of, parse_answer, text_of
from executor_service.engine import BlockFailure, BlockResult, Call
from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.response_format import ResponseFormat
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE

DEFAULT_THRESHOLD: Final = 3.0
HIGHEST: Final = 10
TEMPERATURE: Final = 0.0
NOT_READABLE: Final = "The model returned no score"
_FORMAT: Final = ResponseFormat(
    "confidence",
    {
        "type": "object",
        "properties": {"score": {"type": "number"}, "reasoning": {"type": "string"}},
        "required": ["score", "reasoning"],
        "additionalProperties": False,
    },
)
_TASK: Final = (
    "You check texts for invented facts. Give a score from 0 (what the text claims is invented or contradicts what is "
    "known) to 10 (every claim is supported), and say why in a sentence or two. A text without claims has a 10. "
    'Answer with one JSON object, {"score": number, "reasoning": string}, and nothing else.'
)


async def check_hallucination(models: ModelServer, call: Call, text: str, params: JsonObject) -> BlockResult:
    """Return the verdict for the block's output: a score that is low or missing fails the check."""
    if params.get("knowledgeBaseId"):
        return BlockResult({"passed": False, "error": NO_KNOWLEDGE})
    try:
        answer = await query_model(
            models,
            call,
            params,
            system=_TASK,
            user=_question(text, params.get("context")),
            response_format=_FORMAT,
            temperature=TEMPERATURE,
        )
    except BlockFailure as failure:
        return BlockResult({"passed": False, "error": call.redact_reason(failure.message)})
    return BlockResult(_verdict(parse_answer(answer.text) or {}, _threshold(params.get("threshold"))))


def _question(text: str, context: Json) -> str:
    known = text_of(context)
    basis = f"Known facts, the only ones that count:\n{known}\n\n" if known.strip() else ""
    return f"{basis}The text to check:\n{text}"


def _verdict(answer: JsonObject, threshold: float) -> JsonObject:
    score = _score(answer.get("score"))
    if score is None:
        return {"passed": False, "error": NOT_READABLE}
    judgment: JsonObject = {"score": score, "reasoning": to_string(answer.get("reasoning") or "")}
    if score >= threshold:
        return {"passed": True, **judgment}
    return {"passed": False, **judgment, "error": f"Low confidence: score {score:g}/{HIGHEST} is below {threshold:g}"}


def _score(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    number = number_of(value)
    return None if number is None else min(max(number, 0), HIGHEST)


def _threshold(value: Json) -> float:
    number = number_of(value)
    return DEFAULT_THRESHOLD if number is None else number
