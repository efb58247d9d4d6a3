"""Scores a text with a model by the author's metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from executor_service.blocks.model_query import ModelHandler, query_model
from executor_service.blocks.values import number_of, parse_answer, text_of
from executor_service.engine import BlockResult, Call, Inputs
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, stringify, to_string
from shared.workflow.format.response_format import ResponseFormat

TEMPERATURE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `key` is its name in the output."""

    key: str
    description: str
    lowest: Json
    highest: Json


class EvaluatorHandler(ModelHandler):
    """Evaluator. An unreadable answer scores 0 for all metrics; the block does not fail."""

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Ask for the scores."""
        metrics = _metrics(inputs.params.get("metrics"))
        content = text_of(inputs.params.get("content"))
        answer = await query_model(
            self._models,
            call,
            inputs.params,
            system=_instructions(metrics),
            user=content,
            response_format=_format(metrics),
            temperature=TEMPERATURE,
        )
        scores = _with_lowercase_keys(parse_answer(answer.text) or {})
        output: JsonObject = {
            "content": content,
            **answer.facts,
            **{metric.key: number_of(scores.get(metric.key)) or 0 for metric in metrics},
        }
        return BlockResult(output)


def _metrics(value: Json) -> list[Metric]:
    entries = (entry for entry in parse_list(value) if isinstance(entry, dict) and entry.get("name"))
    return [_metric(entry) for entry in entries]


def _metric(entry: JsonObject) -> Metric:
    bounds = entry.get("range")
    lowest, highest = (bounds.get("min"), bounds.get("max")) if isinstance(bounds, dict) else (0, 10)
    return Metric(to_string(entry["name"]).lower(), to_string(entry.get("description") or ""), lowest, highest)


def _format(metrics: Sequence[Metric]) -> ResponseFormat:
    schema: JsonObject = {
        "type": "object",
        "properties": {metric.key: {"type": "number"} for metric in metrics},
        "required": [metric.key for metric in metrics],
        "additionalProperties": False,
    }
    return ResponseFormat("evaluation_response", schema)


def _instructions(metrics: Sequence[Metric]) -> str:
    listed = "\n".join(
        f"- {metric.key} ({stringify(metric.lowest)} to {stringify(metric.highest)}): {metric.description}"
        for metric in metrics
    )
    return (
        f"You score the user's text by these metrics:\n{listed}\n"
        "Answer with one JSON object that has one number for each metric, under the metric's name, and nothing else."
    )


def _with_lowercase_keys(scores: JsonObject) -> JsonObject:
    return {key.lower(): value for key, value in scores.items()}
