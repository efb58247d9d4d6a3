"""Calls an HTTP endpoint: the request of its settings, retries, and the output or the message of a failure."""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

from executor_service.blocks.values import number_of, table_rows
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from shared.contracts.runs import CALL_CHAIN_HEADER
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundRequest, OutboundResponse
from shared.net.charsets import text_of
from shared.net.headers import USER_AGENT
from shared.net.urls import LONGEST_URL, NOT_A_URL, read_target
from shared.workflow.format.js_values import MISSING, Json, JsonObject, is_enabled, parse_json, stringify, to_string
from shared.workflow.validate.unsupported_settings import NO_PROXY

DEFAULT_TIMEOUT_MS: Final = 300_000
MAX_TIMEOUT_MS: Final = 600_000
MAX_PATH_PARAMS: Final = 100
FORM: Final = "application/x-www-form-urlencoded"
_UNESCAPED: Final = "!'()*~-_."
_BODILESS: Final = frozenset({"GET", "HEAD"})


def read_request(call: Call, params: JsonObject) -> OutboundRequest:
    """Return the request of an API block's settings. Raises BlockFailure."""
    if params.get("proxyUrl"):
        raise BlockFailure(NO_PROXY, can_retry=False)
    method = to_string(params.get("method") or "GET").upper()
    headers = _headers(params.get("headers"))
    body = None if method in _BODILESS else _body(params, headers)
    url = _with_query(_with_path_params(to_string(params.get("url") or "").strip(), params.get("pathParams")), params)
    if _is_ours(url, call.request.public_url):
        # Of two names that differ only in case, the later one would be sent.
        headers = {name: value for name, value in headers.items() if name.lower() != CALL_CHAIN_HEADER}
        headers[CALL_CHAIN_HEADER] = ",".join((*call.request.spec.call_chain, call.request.workflow_id))
    seconds = min(timeout_ms(params) / 1000, call.remaining_seconds())
    return OutboundRequest(method, url, headers, body, seconds, call.request.workspace_id)


def _is_ours(url: str, public_url: str) -> bool:
    """Return whether a call returns to this system. Only this system receives the calling workflow's id."""
    try:
        return read_target(url).origin == read_target(public_url).origin
    except BlockedAddress:
        return False


def timeout_ms(params: JsonObject) -> float:
    """Return the time limit of one call: 5 minutes, at most 10."""
    number = number_of(params.get("timeout"))
    return DEFAULT_TIMEOUT_MS if number is None or number <= 0 else min(number, MAX_TIMEOUT_MS)


def _headers(table: Json) -> dict[str, str]:
    given = {name.strip(): value.strip() for name, value in table_rows(table)}
    names = {name.lower() for name in given}
    defaults = {"User-Agent": USER_AGENT, "Accept": "*/*"}
    return {**{name: value for name, value in defaults.items() if name.lower() not in names}, **given}


def _body(params: JsonObject, headers: dict[str, str]) -> bytes | None:
    form = params.get("formData")
    if isinstance(form, dict) and form:
        headers.setdefault("Content-Type", FORM)
        return _form(form)
    body = params.get("body")
    if body is None or body == "":
        return None
    parsed = parse_json(body) if isinstance(body, str) else body
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    if content_type is None:
        headers["Content-Type"] = "application/json"
    if isinstance(parsed, dict) and content_type is not None and FORM in content_type.lower():
        return _form(parsed)
    if parsed is MISSING or isinstance(parsed, str):
        return to_string(body).encode()
    return stringify(parsed).encode()


def _form(fields: JsonObject) -> bytes:
    return urlencode([(name, _text(value)) for name, value in fields.items()]).encode()


def _with_path_params(url: str, values: Json) -> str:
    """Fill in parameters. Raises BlockFailure for an invalid URL: a short one may name a long value many times."""
    named = values.items() if isinstance(values, dict) else ()
    if len(named) > MAX_PATH_PARAMS:
        raise BlockFailure(f"More than {MAX_PATH_PARAMS} path parameters", can_retry=False)
    for name, value in named:
        mark, text = re.compile(rf":{re.escape(name)}(?!\w)"), _quote(_text(value))
        if len(url) > LONGEST_URL or len(text) * len(mark.findall(url)) > LONGEST_URL:
            raise BlockFailure(NOT_A_URL, can_retry=False)
        url = mark.sub(text, url)
    return url


def _with_query(url: str, params: JsonObject) -> str:
    pairs = [f"{_quote(name)}={_quote(value)}" for name, value in table_rows(params.get("params"))]
    if not pairs:
        return url
    base, hash_mark, fragment = url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}{'&'.join(pairs)}{hash_mark}{fragment}"


def _quote(text: str) -> str:
    """Quote the text.

    Of one longer than a URL may be, quote only enough to show that: millions of characters take a while.
    """
    return quote(text[: LONGEST_URL + 1], safe=_UNESCAPED)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else stringify(value)


_HINTS: Final[Mapping[int, str]] = {
    401: "Authentication is required",
    403: "Permission was denied",
    404: "The requested resource was not found",
    429: "Too many requests, try again later",
}
_SERVER_HINT: Final = "Server error, the target server is experiencing issues"
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


MAX_RETRIES: Final = 10
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SPREAD: Final = 0.1
"""Delays vary by up to this share, so that callers do not retry simultaneously."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of retries, and their delays."""

    retries: int
    delay_ms: float
    max_delay_ms: float

    @classmethod
    def of(cls, params: JsonObject, method: str) -> "RetryPolicy":
        """Return the plan of a block's settings; no retries of non-idempotent methods unless allowed."""
        retries = int(max(0, min(number_of(params.get("retries")) or 0, MAX_RETRIES)))
        may_repeat = method in _IDEMPOTENT or is_enabled(params.get("retryNonIdempotent"))
        delay = number_of(params.get("retryDelayMs"))
        max_delay = number_of(params.get("retryMaxDelayMs"))
        return cls(
            retries if may_repeat else 0,
            500 if delay is None or delay < 0 else delay,
            30_000 if max_delay is None or max_delay < 0 else max_delay,
        )

    def backoff_ms(self, attempt: int) -> float:
        """Return the delay after the failed `attempt`, counted from 0."""
        return min(self.delay_ms * 2.0**attempt, self.max_delay_ms) * (1 + random.uniform(0, _SPREAD))  # noqa: S311

    def wait_ms(self, attempt: int, response: OutboundResponse) -> float | None:
        """Return the delay after this response; None to accept it."""
        if not _is_transient(response.status):
            return None
        requested = _retry_after_ms(response)
        if requested is None:
            return self.backoff_ms(attempt)
        return requested if requested <= self.max_delay_ms else None


async def send_with_retries(outbound: OutboundClient, request: OutboundRequest, plan: RetryPolicy) -> OutboundResponse:
    """Return the first response that needs no retry, or the last. Raises OutboundError."""
    for attempt in range(plan.retries):
        wait: float | None
        try:
            response = await outbound.send(request)
        except BlockedAddress:
            raise
        except OutboundError:
            wait = plan.backoff_ms(attempt)
        else:
            wait = plan.wait_ms(attempt, response)
            if wait is None:
                return response
        await asyncio.sleep(wait / 1000)
    return await outbound.send(request)


def _is_transient(status: int) -> bool:
    return status == _TOO_MANY or status >= _SERVER_ERROR


def _retry_after_ms(response: OutboundResponse) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text) * 1000  # infinite for hundreds of digits
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # nonexistent year or time zone
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds() * 1000)


class ApiHandler(BlockHandler):
    """Any method, any body; an unsuccessful response fails the block."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Make the call. A blank URL makes none."""
        params = inputs.params
        if not to_string(params.get("url") or "").strip():
            return BlockResult({"data": None, "status": 200, "headers": {}})
        request = read_request(call, params)
        return BlockResult(await call_endpoint(self._outbound, request, RetryPolicy.of(params, request.method)))


async def call_endpoint(outbound: OutboundClient, request: OutboundRequest, plan: RetryPolicy) -> JsonObject:
    """Return the output of a successful call. Raises BlockFailure."""
    try:
        response = await send_with_retries(outbound, request, plan)
    except BlockedAddress as refusal:
        raise BlockFailure(refusal.message, can_retry=False) from refusal
    except OutboundError as failure:
        raise BlockFailure(message(request, f"Error: {failure.message}")) from failure
    if not 200 <= response.status < 300:
        raise BlockFailure(failure_of(request, response))
    return output_of(response)
