"""Converts an HTTP response to a block's output or error message."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.net import OutboundRequest, OutboundResponse
from shared.net.charsets import text_of
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json

_HINTS: Final[Mapping[int, str]] = {
    401: "Authentication is required",
    403: "Permission was denied",
    404: "The requested resource was not found",
    429: "Too many requests, try again later",
}
_SERVER_HINT: Final = "Server error, the target server is experiencing issues"
_SERVER_ERROR: Final = 500
_USER: Final = re.compile(r"^([^/]*//)[^/\\#]*@")


def output_of(response: OutboundResponse) -> JsonObject:
    """Return `{data, status, headers}`, of the wrapped response if the body is a proxy's wrapper."""
    data = _data(response)
    headers: JsonObject = dict(response.headers)
    return _unwrap(data) or {"data": data, "status": response.status, "headers": headers}


def failure_of(request: OutboundRequest, response: OutboundResponse) -> str:
    """Return the message for an unsuccessful response."""
    phrase = response.reason or _phrase(response.status)
    hint = _SERVER_HINT if response.status >= _SERVER_ERROR else _HINTS.get(response.status)
    status_text = f"{phrase} - {hint}" if hint else phrase
    return message(
        request,
        f"Error: {_server_reason(_data(response)) or phrase}",
        f"Status: {response.status}",
        f"Status text: {status_text}",
    )


def _unwrap(data: Json) -> JsonObject | None:
    if not isinstance(data, dict) or data.get("success") is not True or not {"data", "status"} <= data.keys():
        return None
    headers = data.get("headers")
    return {"data": data["data"], "status": data["status"], "headers": headers if isinstance(headers, dict) else {}}


def message(request: OutboundRequest, *parts: str) -> str:
    """Return the message for a failed call. Callers read it, so it has no user, password or query."""
    address, query, _ = request.url.partition("?")
    without_user = _USER.sub(r"\1", address)
    shown = f"{without_user}?…" if query else without_user
    return " | ".join([f"HTTP Request failed: URL: {shown}", f"Method: {request.method}", *parts])


def _data(response: OutboundResponse) -> Json:
    content_type = response.headers.get("content-type", "")
    text = text_of(response.body, content_type)
    if "json" not in content_type.lower():
        return text
    parsed = parse_json(text)
    return text if parsed is MISSING else parsed


def _server_reason(body: Json) -> str | None:
    """Return the server's reason for its refusal."""
    if not isinstance(body, dict):
        return None
    for key in ("message", "error"):
        value = body.get(key)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value:
            return value
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"
