"""Settings of HTTP requests and responses, and JSON that blocks send."""

import re
from collections.abc import Sequence
from typing import Final

from shared.workflow.catalog.synonyms import is_misnamed
from shared.workflow.format.input_format import FIELD_TYPES, parse_list
from shared.workflow.format.js_values import Json, is_enabled, object_of, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block
from shared.workflow.format.references import EnvMarker, Reference, json_parts, parse_text
from shared.workflow.format.response_headers import CONTROLLED_HEADERS
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_type, one_of
from shared.workflow.validate.settings.input_fields import FORM_TYPES
from shared.workflow.validate.settings.literals import Found, is_literal, parsed, shown

_ROW_KEYS: Final = {
    **dict.fromkeys(("key", "field", "label", "title"), "name"),
    **dict.fromkeys(("val", "content", "data", "text"), "value"),
}
"""Other names of the keys of a field."""
_BODILESS: Final = ("GET", "HEAD")
_NOT_REPEATED: Final = ("POST", "PATCH")
_BRACES: Final = re.compile(r"(?<!\$)\{(?P<name>\w+(?P<path>\.[\w.]+)?)\}")
_OPERATOR_AFTER: Final = re.compile(
    r"\s*(?:[-+*/%](?:\s*(?:[\w.]+|\"[^\"\n]{0,40}\"))?|[<>=!]=|[<>?]|&&|\|\||\.[A-Za-z]\w*(?:\(\))?)"
)
_OPERATOR_BEFORE: Final = re.compile(r"(?:[\w.]+\s*[-+*/%]|!)\s*$")
_NEAR: Final = 40
"""Characters before a reference that may have the operator."""
_JSON_START: Final = re.compile(r"\{\s*(?:[\"']|[\w<>-]+\s*:)|\[\s*(?:\{|\"|(?:<>|-?\d[\d.]*)\s*,.*\]$)", re.DOTALL)
"""Start of a text that is meant as JSON. Others in brackets may be names, templates or links."""
_JSON_TYPE: Final = re.compile(r"[/+]json\b(?!-)", re.IGNORECASE)
"""Media type of one JSON value, unlike `application/x-ndjson`."""
_SHOWN_JSON: Final = re.compile(r', (?:\.\.\.)?".*" is not valid JSON', re.DOTALL)
_TWO_SCHEMES: Final = re.compile(r"https?://https?:/+", re.IGNORECASE)
_HOST: Final = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)


def request_problems(block: Block) -> Found:
    """Yield the problems of an API block's or a webhook's URL and body."""
    yield from _url(block)
    method, body = to_string(block.value("method") or "GET").upper(), block.value("body")
    is_bodiless = block.type == "api" and method in _BODILESS and not is_misnamed("api", block.sub_blocks, "method")
    if is_bodiless and parsed(body.strip() if isinstance(body, str) else body) not in (None, "", {}, []):
        yield "body", f"body is not sent, because method is {method}. Set method to POST, PUT or PATCH"
    elif isinstance(body, str) and is_meant_as_json(block, body) and (problem := _body_problem(body)):
        yield "body", f"body is not valid JSON, so it is sent as text: {problem}"
    again = block.value("retryNonIdempotent")
    is_once = method in _NOT_REPEATED and is_literal(again) and not is_enabled(again)
    if is_once and block.type == "api" and to_number(block.value("retries") or 0) >= 1:
        hint = "Set retryNonIdempotent to true if the service recognizes repetitions, or remove retries"
        yield "retries", f"retries has no effect: method is {method}. {hint}"
    delay, longest = (to_number(block.value(key)) for key in ("retryDelayMs", "retryMaxDelayMs"))
    if block.value("retryMaxDelayMs") not in (None, "") and delay > longest:
        yield "retryMaxDelayMs", "retryMaxDelayMs is shorter than retryDelayMs, which it limits"


def _body_problem(body: str) -> str | None:
    """Return why a body is not JSON; None if it is, or if each of its lines is."""
    problem = template_problem(body)
    return problem if problem and any(map(template_problem, body.splitlines())) else None


def is_meant_as_json(block: Block, body: str) -> bool:
    """Return whether a request's body begins like JSON and has no other media type."""
    first = next(iter(parse_text(body.lstrip()).parts), None)
    return isinstance(first, str) and first.startswith(("{", "[")) and not has_other_type(block)


def has_other_type(block: Block) -> bool:
    """Return whether the headers of a block name a media type that is not JSON."""
    headers = [object_of(object_of(row).get("cells")) for row in parse_list(block.value("headers"))]
    types = [row.get("Value") for row in headers if to_string(row.get("Key")).strip().lower() == "content-type"]
    return not all(_JSON_TYPE.search(to_string(each)) for each in types)


def _url(block: Block) -> Found:
    url = block.value("url")
    if not isinstance(url, str) or not url.strip():
        return
    parts = parse_text(url.strip()).parts
    typed = "".join(part if isinstance(part, str) else "x" for part in parts)
    if isinstance(parts[0], str) and not parts[0].lower().startswith(("https://", "http://")):
        yield "url", f"url must begin with https:// (or http://), not {shown(url)}"
    elif isinstance(parts[0], str) and (match := _TWO_SCHEMES.match(parts[0])):
        yield "url", f"url has two schemes: {match[0]}. Remove one"
    elif isinstance(parts[0], str) and _HOST.sub("", typed, count=1)[:1].strip("/?#"):
        yield "url", f"url must be https:// and a host without spaces, not {shown(url)}"
    elif marked := _marked(parts):
        yield "url", f"${{{marked.raw}}} in url is sent with ${{ and }}. Did you mean {marked.raw}?"
    elif match := _BRACES.search(re.split("[?#]", typed, maxsplit=1)[0]):
        meant = match["name"] if match["path"] else f"start.{match['name']}"
        yield "url", f"{match[0]} in url stays as typed. Write a reference, such as <{meant}>"


def _marked(parts: Sequence[str | Reference | EnvMarker]) -> Reference | None:
    """Return the first reference within `${…}` in a path, which JavaScript would fill in: a query may have any text."""
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        if isinstance(before, str) and re.search("[?#]", before):
            return None
        is_marked = isinstance(before, str) and before.endswith("${") and isinstance(after, str) and after[:1] == "}"
        if is_marked and isinstance(part, Reference):
            return part
    return None


def json_problems(block: Block) -> Found:
    """Yield the problems of a JSON object that the block passes on."""
    field = "inputMapping" if block.type == "workflow_input" else "arguments"
    value = block.value(field)
    if isinstance(value, str) and value.strip() and (problem := template_problem(value)):
        yield field, f"{field} is not valid JSON: {problem}"
    elif value not in (None, "") and _is_no_object(value):
        yield field, f"{field} must be an object of names and values, not {shown(parsed(value))}"


def _is_no_object(value: Json) -> bool:
    """Return whether a value is no JSON object, whatever its references are."""
    is_list = isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("["))
    return is_list or (is_literal(value) and not isinstance(parsed(value), dict))


def response_problems(block: Block) -> Found:
    """Yield the problems of a response's data and headers."""
    mode = block.value("dataMode")
    data, fields = block.value("data"), block.value("builderData")
    text = data.strip() if mode == "json" and isinstance(data, str) and not has_other_type(block) else ""
    if problem := _data_problem(text):
        yield "data", f"data is not valid JSON, so the response is one text: {problem}"
    if mode in (None, "", "structured") and data not in (None, "") and not parse_list(fields):
        yield "dataMode", 'data is used only if dataMode is "json". Set dataMode to json'
    for row in parse_list(block.value("headers")):
        name = object_of(object_of(row).get("cells")).get("Key")
        if isinstance(name, str) and CONTROLLED_HEADERS.fullmatch(name.strip().lower()):
            yield "headers", f'the header "{name}" is left out: the server controls it'
    if mode == "json" and parse_list(fields) and data in (None, ""):
        yield "dataMode", 'builderData is used only if dataMode is "structured". Set dataMode to structured'
    elif mode != "json":
        yield from builder_data_problems(block)


def _data_problem(data: str) -> str | None:
    """Return why a response's data is not JSON; None if it is, or if it can be meant as a text."""
    typed = "".join(part if isinstance(part, str) else "<>" for part in parse_text(data).parts)
    return template_problem(data) if _JSON_START.match(typed) else None


def builder_data_problems(block: Block) -> Found:
    """Yield the problems of fields with a name, a type and a value."""
    for number, entry in enumerate(parse_list(block.value("builderData")), 1):
        where = ("builderData", str(number - 1))
        if not isinstance(entry, dict):
            yield where, f"entry {number} of builderData must be an object with a name, a type and a value"
        elif wrong := [
            (key, meant)
            for key in entry
            if (meant := _ROW_KEYS.get(key) or nearest(key, ("name", "value"))) and meant not in entry
        ]:
            for key, meant in wrong:
                yield where, f'entry {number} of builderData has the unknown key "{key}".{did_you_mean(meant)}'
        elif not to_string(entry.get("name") or "").strip():
            if entry.get("value") not in (None, "", []):
                yield where, f"entry {number} of builderData has a value but no name, and is ignored"
        elif (kind := entry.get("type")) not in (None, "", *FORM_TYPES):
            near = nearest_type(to_string(kind), FIELD_TYPES)
            hint = one_of("", FIELD_TYPES, near)
            yield where, f'entry {number} of builderData has the unknown type "{to_string(kind)}".{hint}'


def template_problem(text: str) -> str | None:
    """Return why a JSON text is no JSON with any values of its references; None if it can be JSON."""
    if not text.strip():
        return None
    parts = list(json_parts(text))
    number = next((digit for digit in "0123456789" if digit not in text), "0")
    pieces = (part if isinstance(part, str) else "…" if quoted else number for part, quoted in parts)
    problem = json_problem("".join(pieces), with_fix=True)
    shown = problem and _SHOWN_JSON.sub(lambda match: match[0].replace(number, "<…>"), problem)
    return (problem and _calculation(parts)) or shown


def _calculation(parts: Sequence[tuple[str | Reference | EnvMarker, bool]]) -> str | None:
    """Return that the first reference with an operator or a method has no effect on its value in JSON."""
    padded = (("", False), *parts, ("", False))
    for (before, _), (part, is_quoted), (after, _) in zip(padded, padded[1:], padded[2:], strict=False):
        if not isinstance(part, Reference) or is_quoted:
            continue
        follows = _OPERATOR_AFTER.match(after) if isinstance(after, str) else None
        precedes = _OPERATOR_BEFORE.search(before[-_NEAR:]) if isinstance(before, str) else None
        if follows or precedes:
            shown = f"{(precedes and precedes[0]) or ''}{part.raw}{(follows and follows[0].rstrip()) or ''}"
            shown = f"{shown} …" if shown.endswith(tuple("+-*/%|&<=?")) else shown
            return f"{shown} is not calculated, because JSON has only values. Compute it in a function block"
    return None
