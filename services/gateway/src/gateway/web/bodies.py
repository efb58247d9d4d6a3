"""Request bodies: limits, parsing and the budget of concurrent bytes."""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from gateway.access.models import AdmissionClosed
from gateway.parsing import json_body
from gateway.parsing.json_body import MalformedJson
from shared.errors import InvalidRequest

SMALL_BYTES: Final = 64 * 1024
"""Bodies up to this size are always accepted: admission limits their number. Large bodies never block them."""


class BodyBudget:
    """Counter of large bodies in progress; refuses those that exceed `limit` bytes in total.

    Counts received bytes, not announced ones, so that a client can block others only by sending data. Refuses a body
    while it is read, like `BodyLimitMiddleware`.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._in_flight = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""
        is_large = scope["type"] == "http" and _announced(scope) > SMALL_BYTES
        return (self._serve_large if is_large else self._app)(scope, receive, send)

    async def _serve_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> AsgiMessage:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            if self._in_flight + size > self._limit and received + size > SMALL_BYTES:
                raise AdmissionClosed
            received += size
            self._in_flight += size
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._in_flight -= received


def _announced(scope: Scope) -> float:
    """Return the announced body length in bytes; infinite for chunked bodies."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return float(length) if length.isdigit() and b"transfer-encoding" not in headers else float("inf")


MALFORMED: Final = "Request body must be valid JSON"
MAX_BODY_VALUES: Final = 50_000
"""Limit of values per body. Each may be invalid, and validating more would block other requests."""
MAX_PROBLEMS: Final = 100
"""Limit of reported problems."""
BODY_MODEL: Final = "body_model"
"""Attribute of a dependency that parses a body, from which routes document it."""
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
_decode: Final = partial(json_body.decode, msgspec.json.Decoder())


class Wire(BaseModel):
    """Body with declared camel-case keys."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Data(Wire, Generic[T]):
    """Answer in an envelope."""

    data: T


class RequestBody(BaseModel):
    """Request body; unknown keys are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel)


class ResponseBody(BaseModel):
    """Response body; keys are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Message(ResponseBody):
    """Success."""

    message: str


def _refuse_null(kind: Literal["string_type", "int_type"]) -> BeforeValidator:
    def require_value(value: Any) -> Any:
        if value is None:
            raise PydanticKnownError(kind)
        return value

    return BeforeValidator(require_value)


NO_NULL_TEXT: Final = _refuse_null("string_type")
"""For optional text fields that refuse null."""
NO_NULL_NUMBER: Final = _refuse_null("int_type")


def json_of(model: type[M], *, headline: str | None = None) -> Callable[[Request], Awaitable[M]]:
    """Return a FastAPI dependency that parses the body as `model`; no body is an empty object.

    Raises MalformedJson, InvalidRequest with a detail for each problem, named `headline` or after the first of them.
    """

    async def read(request: Request) -> M:
        return validated(model, json_value(await request.body()), headline=headline)

    read.__dict__[BODY_MODEL] = model
    return read


def raw_json(body: BaseModel) -> msgspec.Raw:
    """Return `body` as JSON, without fields that were not set."""
    return msgspec.Raw(body.model_dump_json(by_alias=True, exclude_unset=True).encode())


def body_model(endpoint: Callable[..., Any]) -> type[BaseModel] | None:
    """Return the model of the body that `endpoint` gets from `json_of`, if any."""
    markers = (marker for each in endpoint.__annotations__.values() for marker in getattr(each, "__metadata__", ()))
    dependencies = (getattr(marker, "dependency", None) for marker in markers)
    return next((model for each in dependencies if (model := getattr(each, BODY_MODEL, None)) is not None), None)


def json_value(body: bytes) -> Any:
    """Return the value in `body`; no body is an empty object. Raises MalformedJson."""
    try:
        return json_body.read(json_body.without_bom(body) or b"{}", _decode)
    except MalformedJson as error:
        error.message = MALFORMED
        raise


def validated(model: type[M], value: Any, *, headline: str | None = None) -> M:
    """Return `value` as `model`. Raises InvalidRequest with a detail for each problem, up to MAX_PROBLEMS."""
    _refuse_too_many_values(model, value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MAX_PROBLEMS]
        details = _merge_unknown_keys([problem_of(problem) for problem in found])
        raise InvalidRequest(headline or details[0]["message"], details=details) from error


def _refuse_too_many_values(model: type[BaseModel], value: Any) -> None:
    """Raise InvalidRequest for more than MAX_BODY_VALUES values to validate."""
    if not isinstance(value, dict):
        return
    left = MAX_BODY_VALUES - len(value)
    if left < 0:
        raise _too_many_values()
    for name in _typed_fields(model) & value.keys():
        left -= _values_in(value[name], left)
        if left < 0:
            raise _too_many_values(name)


def _values_in(value: Any, most: int) -> int:
    """Return the number of values at any depth, counted only until it exceeds `most`."""
    count, inside = 0, [value]
    while inside and count <= most:
        item = inside.pop()
        if isinstance(item, list | dict):
            count += len(item)
            inside += () if count > most else item.values() if isinstance(item, dict) else item
    return count


def _too_many_values(*path: str) -> InvalidRequest:
    message = f"Too big: expected at most {MAX_BODY_VALUES} values"
    return InvalidRequest(message, details=[{"code": "too_big", "path": list(path), "message": message}])


@cache
def _typed_fields(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields whose inner values have declared types."""
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if not _is_anything(field.annotation))


def _is_anything(annotation: Any) -> bool:
    return annotation is Any or any(map(_is_anything, get_args(annotation)))


def _merge_unknown_keys(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the unknown keys of one object as one problem that names them all."""
    kept: list[dict[str, Any]] = []
    strays: dict[tuple[Any, ...], dict[str, Any]] = {}
    for detail in details:
        known = strays.get(tuple(detail["path"])) if detail["code"] == "unrecognized_keys" else None
        if known is None:
            kept.append(detail)
            if detail["code"] == "unrecognized_keys":
                strays[tuple(detail["path"])] = detail
            continue
        known["keys"] += detail["keys"]
    for each in strays.values():
        if len(each["keys"]) > 1:
            each["message"] = "Unrecognized keys: " + ", ".join(f'"{key}"' for key in each["keys"])
    return kept


def problem_of(problem: Any) -> dict[str, Any]:
    """Return a pydantic error as `{code, path, message}`, with `expected` for type errors."""
    kind, path = problem["type"], list(problem["loc"])
    expected = _EXPECTED.get(kind)
    if kind == "missing":
        message = _REQUIRED.get(path[-1], "Invalid input: expected a value, received undefined")
        return {"code": "invalid_type", "path": path, "message": message}
    if kind == "string_too_short" and path[-1] in _REQUIRED:
        return {"code": "too_small", "path": path, "message": _REQUIRED[path[-1]]}
    if kind == "int_type" and isinstance(problem["input"], float):
        expected = "int"
    if expected is not None:
        received = json_body.type_name(problem["input"])
        message = f"Invalid input: expected {expected}, received {received}"
        return {"expected": expected, "code": "invalid_type", "path": path, "message": message}
    if kind == "extra_forbidden":
        message = f'Unrecognized key: "{path[-1]}"'
        return {"code": "unrecognized_keys", "keys": path[-1:], "path": path[:-1], "message": message}
    if kind in ("literal_error", "enum"):
        return {"code": "invalid_value", "path": path, "message": _literal(problem)}
    code, message = _bound_or_other(problem)
    return {"code": code, "path": path, "message": message}


_REQUIRED: Final = {"workspaceId": "Workspace ID is required", "name": "Name is required"}
_EXPECTED: Final = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "number",
    "float_type": "number",
    "int_from_float": "int",
    "int_parsing": "number",
    "float_parsing": "number",
    "bool_parsing": "boolean",
    "list_type": "array",
    "tuple_type": "array",
    "dict_type": "record",
    "model_type": "object",
    "model_attributes_type": "object",
}


_BOUNDS: Final = {
    "string_too_short": ("too_small", "Too small: expected string to have >={min_length} characters"),
    "string_too_long": ("too_big", "Too big: expected string to have <={max_length} characters"),
    "too_short": ("too_small", "Too small: expected array to have >={min_length} items"),
    "too_long": ("too_big", "Too big: expected array to have <={max_length} items"),
    "greater_than_equal": ("too_small", "Too small: expected number to be >={ge}"),
    "greater_than": ("too_small", "Too small: expected number to be >{gt}"),
    "less_than_equal": ("too_big", "Too big: expected number to be <={le}"),
    "less_than": ("too_big", "Too big: expected number to be <{lt}"),
}


def _literal(problem: Any) -> str:
    """Report one allowed word as a literal, several as a choice."""
    options = problem["ctx"]["expected"].replace("True", "true").replace("False", "false")
    if " or " not in options:
        return f"Invalid input: expected {options}"
    choice = options.replace("'", '"').replace(" or ", "|").replace(", ", "|")
    return f"Invalid option: expected one of {choice}"


def _bound_or_other(problem: Any) -> tuple[str, str]:
    code, form = _BOUNDS.get(problem["type"], ("custom", ""))
    return code, form.format(**problem.get("ctx", {})) or problem["msg"].removeprefix("Value error, ")


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


RoleName = Literal["read", "write", "admin"]


class Done(Wire):
    success: Literal[True] = True
