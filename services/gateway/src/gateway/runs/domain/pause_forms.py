"""Forms of pauses and the validation of answers: the first accepted answer is final."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.parsing.problems import Problem
from shared.errors import InvalidRequest
from shared.workflow.format.input_format import InputField, read_input_format

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
