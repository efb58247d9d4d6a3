"""JSON-RPC 2.0: parsing of calls, results, and the errors that the Agent2Agent protocol defines."""

from functools import partial
from typing import Any, Final, Literal, TypeVar

import msgspec

from gateway.parsing import json_body
from gateway.parsing.json_body import MalformedJson
from gateway.web.errors import message_of
from shared.errors import Conflict, FlowportError, InvalidRequest, NotDeployed, NotFound


class TaskNotFound(NotFound):
    """The task does not exist, or this caller may not see it."""

    code = "TASK_NOT_FOUND"
    default_message = "Task not found"


class TaskNotCancelable(Conflict):
    """The task is over."""

    code = "TASK_NOT_CANCELABLE"
    default_message = "The task has ended and cannot be canceled"


class PushNotificationNotSupported(InvalidRequest):
    """Callbacks are not supported: clients poll or subscribe."""

    code = "PUSH_NOTIFICATION_NOT_SUPPORTED"
    default_message = "Push notifications are not supported"


class UnsupportedOperation(InvalidRequest):
    """The protocol defines it, but this agent, or this task in its state, does not support it."""

    code = "UNSUPPORTED_OPERATION"


class ContentTypeNotSupported(InvalidRequest):
    """No workflow can take this message part."""

    code = "CONTENT_TYPE_NOT_SUPPORTED"


class VersionNotSupported(InvalidRequest):
    """The protocol version differs from ours; the default is 0.3."""

    code = "VERSION_NOT_SUPPORTED"


class InvalidCall(InvalidRequest):
    """The JSON is not a JSON-RPC 2.0 call."""

    code = "INVALID_CALL"


class MethodNotFound(InvalidRequest):
    """The protocol has no such method."""

    code = "METHOD_NOT_FOUND"


CallId = str | int | None
P = TypeVar("P")
_NUMBERS: Final[tuple[tuple[type[FlowportError], int], ...]] = (
    (TaskNotFound, -32001),
    (TaskNotCancelable, -32002),
    (PushNotificationNotSupported, -32003),
    (UnsupportedOperation, -32004),
    (NotDeployed, -32004),
    (ContentTypeNotSupported, -32005),
    (VersionNotSupported, -32009),
    (MalformedJson, -32700),
    (InvalidCall, -32600),
    (MethodNotFound, -32601),
    (InvalidRequest, -32602),
    (FlowportError, -32603),
)
PROTOCOL_ERRORS: Final = tuple(kind for kind, number in _NUMBERS if number != -32603)
"""Errors with a protocol number: clients read the body, not the HTTP status."""


class Call(msgspec.Struct, frozen=True):
    """Call. Without an `id` it is a notification, of which the protocol has none."""

    jsonrpc: Literal["2.0"]
    method: str
    id: str | int
    params: msgspec.Raw = msgspec.Raw(b"{}")


_decode: Final = partial(json_body.decode, msgspec.json.Decoder(Call))


def read_call(body: bytes) -> Call:
    """Parse the call in `body`. Raises MalformedJson, InvalidCall."""
    try:
        return json_body.read(json_body.without_bom(body), _decode)
    except msgspec.ValidationError as error:
        raise InvalidCall(str(error)) from error


def params_of(call: Call, kind: type[P]) -> P:
    """Return the call's parameters. Raises InvalidRequest."""
    try:
        return msgspec.json.decode(call.params, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from error


def result(call_id: CallId, value: Any) -> dict[str, Any]:
    """Return the answer to a call."""
    return {"jsonrpc": "2.0", "id": call_id, "result": value}


def error_answer(call_id: CallId, error: FlowportError) -> dict[str, Any]:
    """Return the answer to a call that was refused or lost."""
    number = next(number for kind, number in _NUMBERS if isinstance(error, kind))
    info: dict[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code,
        "domain": "a2a-protocol.org" if isinstance(error, PROTOCOL_ERRORS) else "flowport",
    }
    if error.retry_after is not None:
        info["metadata"] = {"retryAfterSeconds": str(error.retry_after)}
    return {
        "jsonrpc": "2.0",
        "id": call_id,
        "error": {"code": number, "message": message_of(error), "data": [info]},
    }
