"""Converts a block's settings to an HTTP request."""

import re
from typing import Final
from urllib.parse import quote, urlencode

from executor_service.blocks.tables import table_rows
from executor_service.blocks.values import number_of
from executor_service.engine import BlockFailure, Call
from shared.contracts.runs import CALL_CHAIN_HEADER
from shared.net import BlockedAddress, OutboundRequest
from shared.net.headers import USER_AGENT
from shared.net.urls import LONGEST_URL, NOT_A_URL, read_target
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, stringify, to_string
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
