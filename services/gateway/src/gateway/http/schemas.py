"""Error bodies, and models as OpenAPI schemas without a validator per route."""

from functools import cache
from typing import Any

from pydantic import BaseModel

from gateway.http.bodies import Wire

Responses = dict[int | str, dict[str, Any]]


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose body is `model`."""
    return {"requestBody": {"content": content_of(model)}}


def answers(model: type[BaseModel], *statuses: int) -> Responses:
    """Return the `responses` of routes that answer `model` with these statuses, and by default."""
    every: tuple[int | str, ...] = (*statuses, "default")
    return {status: answer(model, _text(model)) for status in every}


def answer(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return one of `responses`."""
    return {"description": description, "content": content_of(model)}


@cache
def content_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return `model` as self-contained JSON content."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"application/json": {"schema": _inlined(schema, parts)}}


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _inlined(parts[reference.rpartition("/")[2]], parts)
    return {key: _inlined(item, parts) for key, item in value.items()}


def _text(model: type[BaseModel]) -> str:
    return (model.__doc__ or model.__name__).split("\n", 1)[0]


class FieldProblem(Wire):
    """Problem with a field of a request."""

    path: str
    message: str


class Refusal(Wire):
    """Error of an execute call."""

    error: str
    details: list[FieldProblem] | None = None
    code: str | None = None
    execution_id: str | None = None
    message: str | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None


class Error(Wire):
    """Error of any other call."""

    error: str
    code: str
    request_id: str
    details: Any = None
