"""Paused runs as the API shows them: what they wait for, and where to answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.parsing.problems import Problem
from shared.clock import iso
from shared.contracts.jobs import PausePoint, RunView
from shared.errors import InvalidRequest
from shared.workflow.format.input_format import InputField, read_input_format

NO_OBJECT = "Resume input must be a JSON object"


def paused_facts(run: RunView) -> dict[str, Any] | None:
    """Return the pause in a run's status; None if it is not paused."""
    if run.paused_at is None:
        return None
    return {"pausedAt": iso(run.paused_at), "pausePoints": [_facts(point) for point in run.pauses]}


def paused_execution(run: RunView, output: bytes | None, public_url: str) -> dict[str, Any]:
    """Return a paused run with all its pauses; `output` is its output so far, if requested."""
    responses = responses_of(run, output)
    paused_at = iso(run.paused_at) if run.paused_at else None
    return {
        "id": run.run_id,
        "workflowId": run.workflow_id,
        "executionId": run.run_id,
        "status": "paused" if run.paused_at else "partially_resumed",
        "totalPauseCount": len(run.pauses),
        "resumedCount": 0,
        "pausedAt": paused_at,
        "updatedAt": paused_at,
        "expiresAt": None,
        "metadata": {},
        "triggerIds": [],
        "pausePoints": [
            {
                **_facts(point),
                "response": responses.get(point.context_id),
                "resumeStatus": "paused",
                "snapshotReady": True,
                "resumeLinks": _links(run, point, public_url),
            }
            for point in run.pauses
        ],
    }


def answer_in(body: Any) -> dict[str, Any]:
    """Return the answer in a resume call: its `input`, or the whole body. Raises InvalidRequest."""
    fields = body["input"] if isinstance(body, dict) and "input" in body else body
    if not isinstance(fields, dict):
        raise InvalidRequest(NO_OBJECT)
    return fields


def _facts(point: PausePoint) -> dict[str, Any]:
    return {
        "contextId": point.context_id,
        "blockId": point.block_id,
        "pauseKind": point.kind,
        "registeredAt": iso(point.registered_at),
        "resumeAt": iso(point.resume_at) if point.resume_at else None,
    }


def responses_of(run: RunView, output: bytes | None) -> Mapping[str, Any]:
    """Return what each pause shows, by context."""
    shown = msgspec.json.decode(output) if output else None
    if not isinstance(shown, dict):
        return {}
    several = shown.get("pausedBlocks")
    if isinstance(several, list):
        return {
            each["contextId"]: {key: value for key, value in each.items() if key not in ("contextId", "blockId")}
            for each in several
        }
    return {point.context_id: shown for point in run.pauses[:1]}


def _links(run: RunView, point: PausePoint, public_url: str) -> dict[str, str]:
    path = f"{run.workflow_id}/{run.run_id}"
    return {
        "apiUrl": f"{public_url}/api/resume/{path}/{point.context_id}",
        "uiUrl": f"{public_url}/resume/{path}",
        "contextId": point.context_id,
        "executionId": run.run_id,
        "workflowId": run.workflow_id,
    }


_TYPES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "string": ("text", lambda value: isinstance(value, str | int | float | bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "file[]": ("a list of files", lambda value: isinstance(value, list)),
}
"""Expectation and check of each type. Other types accept any value."""


def check_answer(response: Any, answer: Mapping[str, Any]) -> None:
    """Validate `answer` against the form in a pause's `response`. Raises InvalidRequest, naming each field."""
    data = response.get("data") if isinstance(response, dict) else None
    form = read_input_format(data.get("inputFormat")) if isinstance(data, dict) else ()
    problems = [problem for field in form for problem in _problems(field, answer.get(field.name))]
    if problems:
        raise InvalidRequest("; ".join(problem.message for problem in problems), details=problems)


def _problems(field: InputField, value: Any) -> Iterator[Problem]:
    expected, is_that = _TYPES.get(field.type, ("a value", lambda value: True))
    if value is None or value == "":
        if field.required:
            yield Problem(field.name, f"{field.name} is required: {expected}")
    elif not is_that(value):
        yield Problem(field.name, f"{field.name} must be {expected}")
