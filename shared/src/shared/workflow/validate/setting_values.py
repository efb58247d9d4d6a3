"""Unknown settings, and literal settings outside their allowed values."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, is_enabled, parse_json, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text, texts
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest, one_of

_EDITOR_ONLY: Final = re.compile(
    r"trigger|webhook|samplePayload|setupScript|scheduleInfo|undefined|sandboxId|input$|oauth|.*[cC]redential"
)
"""Settings that only Sim's editor or servers use."""
_CONTAINER_KEYS: Final = {
    "loop": ("loopType", "count", "collection", "whileCondition", "doWhileCondition"),
    "parallel": ("parallelType", "count", "collection", "batchSize"),
}
_EDITOR_DATA: Final = frozenset(
    {"id", "type", "nodes", "width", "height", "parentId", "extent", "canonicalModes", "iterations", "forEachItems"}
    | {"distribution", "label", "name", "state", "isPreview", "isValid", "hasNestedParent", "enabled"}
)
_ROLES: Final = ("system", "user", "assistant")
_TITLES: Final = ("if", "else if", "else")
_USAGES: Final = ("auto", "force", "none")
_SWITCHES: Final = (True, False, "true", "false")
_JSON_OBJECTS: Final = frozenset({("workflow_input", "inputMapping"), ("mcp", "arguments")})
_LISTS: Final = frozenset({"messages-input", "tool-input", "eval-input", "response-format", "variables-input"})
_SHORT_WAIT_SECONDS: Final = 300
_LONG_WAIT_SECONDS: Final = 30 * 86_400
_UNIT_SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


def setting_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each setting that its block does not have or cannot use."""
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or not state.is_enabled(block.id) or (spec.is_trigger and block.type != "start_trigger"):
            continue
        if spec.is_container:
            yield from _container(block)
            continue
        yield from _unknown(block, spec)
        for setting in effective_settings(block, spec):
            value = block.value(setting.id)
            if value not in (None, ""):
                yield from _spaced_secrets(block, setting, value)
                for text, suggestion in _value_problems(block, setting, value):
                    yield _warning(block, setting.id, text, suggestion)
        for check in _BY_TYPE.get(block.type, ()):
            for field, text in check(block):
                yield _warning(block, field, text)
    yield from _variables(state)


def _unknown(block: Block, spec: BlockSpec) -> Iterator[Problem]:
    known = {setting.id for setting in spec.sub_blocks}
    for key, sub_block in block.sub_blocks.items():
        if key in known or sub_block.value in (None, "", [], {}) or _EDITOR_ONLY.match(key):
            continue
        suggestion = nearest(key, [*known, *(setting.parameter for setting in spec.sub_blocks)])
        message = f'{block.name}: a {block.type} block has no setting "{key}"; it is ignored.{did_you_mean(suggestion)}'
        yield warning(ProblemCode.UNKNOWN_SETTING, message, block, (key,), suggestion=suggestion)


def _spaced_secrets(block: Block, setting: SubBlockSpec, value: Json) -> Iterator[Problem]:
    if setting.id in ("code", "conditions"):
        return
    for text in texts(value):
        if match := _SPACED_SECRET.search(text):
            suggestion = "{{" + match["name"] + "}}"
            message = f"{setting.id}: {match[0]} stays as typed, because secrets are named without spaces"
            yield _warning(block, setting.id, f"{message}.{did_you_mean(suggestion)}", suggestion)


_SPACED_SECRET: Final = re.compile(r"\{\{(?=\s|[^{}]{1,128}?\s\}\})\s*(?P<name>[A-Za-z_][\w.-]{0,127})\s*\}\}")


def _value_problems(block: Block, setting: SubBlockSpec, value: Json) -> Iterator[tuple[str, str | None]]:
    if not _is_literal(value):
        return
    shown = _shown(value)
    if allowed := setting.options or setting.values:
        if setting.id == "language":
            return  # reported as an error
        if value not in allowed and not (block.type == "api" and to_string(value).upper() in allowed):
            yield f"{setting.id} is {shown}.{one_of(to_string(value), allowed)}", nearest(to_string(value), allowed)
    elif setting.number is not None:
        if not _fits(setting, value):
            yield f"{setting.id} must be {setting.number}, not {shown}", None
    elif setting.type == "switch" and value not in _SWITCHES:
        yield f"{setting.id} must be true or false, not {shown}", None
    elif setting.type == "table":
        yield from _table(setting, value)
    elif setting.type in _LISTS and not isinstance(_parsed(value), list):
        yield f"{setting.id} must be a list, not {shown}", None


def _fits(setting: SubBlockSpec, value: Json) -> bool:
    if setting.number is None or isinstance(value, bool | list | dict):
        return False
    number = to_number(value)
    within = setting.number.low <= number <= setting.number.high and not math.isnan(number)
    return within and (not setting.number.is_integer or float(number).is_integer())


def _table(setting: SubBlockSpec, value: Json) -> Iterator[tuple[str, str | None]]:
    rows = _parsed(value)
    if not isinstance(rows, list):
        yield f"{setting.id} must be a list of rows, not {_shown(value)}", None
        return
    for number, row in enumerate(rows, 1):
        cells = row.get("cells") if isinstance(row, dict) else None
        if not isinstance(cells, dict):
            yield f"row {number} of {setting.id} has no cells", None
        elif cells.get("Value") not in (None, "") and not cells.get("Key"):
            yield f"row {number} of {setting.id} has a value but no key, and is ignored", None


def _container(block: Block) -> Iterator[Problem]:
    known = _CONTAINER_KEYS[block.type]
    for key, value in block.data.items():
        if key not in known and key not in _EDITOR_DATA and value not in (None, "") and (near := nearest(key, known)):
            message = f'{block.name}: a {block.type} has no setting "{key}"; it is ignored.{did_you_mean(near)}'
            yield warning(ProblemCode.UNKNOWN_SETTING, message, block, (key,), suggestion=near)
    kind = block.data.get("loopType" if block.type == "loop" else "parallelType")
    for needed, field, text in (
        ("forEach", "collection", "a forEach loop needs a collection"),
        ("while", "whileCondition", "a while loop needs a condition; without one it does not run"),
        ("collection", "collection", "a parallel over a collection needs one"),
    ):
        if kind == needed and block.data.get(field) in (None, ""):
            yield _warning(block, field, text)
    if block.type == "parallel" and kind not in (None, "", "count", "collection"):
        near = nearest(to_string(kind), ("count", "collection"))
        yield _warning(block, "parallelType", f"parallelType is {_shown(kind)}.{did_you_mean(near)}", near)
    size = block.data.get("batchSize")
    if block.type == "parallel" and size not in (None, "") and not 1 <= to_number(size) <= 20:
        yield _warning(block, "batchSize", f"batchSize must be a number from 1 to 20, not {_shown(size)}")
    collection = block.data.get("collection")
    if kind in ("forEach", "collection") and isinstance(collection, str) and _is_literal(collection):
        parsed = parse_json(collection) if collection.strip() else None
        is_inline = collection.strip().startswith(("[", "{"))
        if not is_inline and parsed is not None and not isinstance(parsed, list | dict):
            text = f"collection must be a list or a reference to one, not {_shown(collection)}"
            yield _warning(block, "collection", text)


Found = Iterator[tuple[str, str]]


def _condition(block: Block) -> Found:
    stored = block.value("conditions")
    if isinstance(stored, str) and stored.strip() and (problem := json_problem(stored)):
        yield "conditions", f"the conditions are not valid JSON: {problem}"
        return
    branches = [each for each in parse_list(stored) if isinstance(each, dict)]
    if not branches:
        yield "conditions", "a condition without branches leads nowhere"
    seen: set[str] = set()
    titles = [to_string(each.get("title") or "").strip().lower() for each in branches]
    for number, (branch, title) in enumerate(zip(branches, titles, strict=True), 1):
        name = f'branch {number} ("{branch.get("title") or ""}")'
        key = to_string(branch.get("id") or "")
        if not key:
            yield "conditions", f"{name} has no id, so no edge can leave from it"
        elif key in seen:
            yield "conditions", f"{name} has the id of an earlier branch: {key}"
        seen.add(key)
        if title and title not in _TITLES:
            yield "conditions", f"{name} has an unknown title.{one_of(title, _TITLES)}"
        elif title == "else" and number < len(branches):
            yield "conditions", f"{name} comes before other branches, which are never reached. Move it to the end"
        elif title != "else" and not to_string(branch.get("value") or "").strip():
            yield "conditions", f"{name} has no expression and is never chosen"
        elif title != "else" and _ASSIGNMENT.match(to_string(branch.get("value"))):
            yield "conditions", f'{name} assigns with "=". To compare, write "==="'


_ASSIGNMENT: Final = re.compile(r"\s*(?:<[^<>]+>|[\w.]+)\s*=(?![=>])")


def _router(block: Block) -> Found:
    stored = block.value("routes")
    if isinstance(stored, str) and stored.strip() and (problem := json_problem(stored)):
        yield "routes", f"the routes are not valid JSON: {problem}"
        return
    routes = [each for each in parse_list(stored) if isinstance(each, dict)]
    if not routes:
        yield "routes", "a router without routes fails"
    for number, route in enumerate(routes, 1):
        if not to_string(route.get("value") or "").strip():
            yield "routes", f"route {number} has no description for the model to choose by"


def _agent(block: Block) -> Found:
    messages = block.value("messages")
    if messages is None and not any(block.value(key) for key in ("systemPrompt", "userPrompt", "memories")):
        yield "messages", "the agent has no messages, so the model gets no prompt"
    for number, message in enumerate(parse_list(messages), 1):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(role, str):
            yield "messages", f"message {number} must be an object with a role and a content"
        elif role not in _ROLES and _is_literal(role):
            yield "messages", f'message {number} has the unknown role "{role}".{one_of(role, _ROLES)}'
        elif message.get("content") in (None, ""):
            yield "messages", f"message {number} has no content"
    for number, tool in enumerate(parse_list(block.value("tools")), 1):
        usage = tool.get("usageControl") if isinstance(tool, dict) else None
        if isinstance(usage, str) and usage not in ("", *_USAGES):
            yield "tools", f'tool {number} has the unknown usageControl "{usage}".{one_of(usage, _USAGES)}'
    yield from _response_format(block.value("responseFormat"))


def _response_format(value: Json) -> Found:
    if value in (None, "") or not _is_literal(value):
        return
    problem = json_problem(value) if isinstance(value, str) else None
    found = read_response_format(value)
    if problem:
        yield "responseFormat", f"responseFormat is not valid JSON and is ignored: {problem}"
    elif found is None:
        yield "responseFormat", "responseFormat must be a JSON schema and is ignored"
    elif found.schema.get("type") not in (None, "object"):
        yield "responseFormat", f'responseFormat must have the type "object", not {_shown(found.schema.get("type"))}'
    elif not found.outputs:
        yield "responseFormat", "responseFormat has no properties"


def _url(block: Block) -> Found:
    url = block.value("url")
    if isinstance(url, str) and url.strip():
        first = parse_text(url.strip()).parts[0]
        if isinstance(first, str) and not first.lower().startswith(("https://", "http://")):
            yield "url", f"url must begin with https:// (or http://), not {_shown(url)}"


def _body(block: Block) -> Found:
    body = block.value("body")
    if isinstance(body, str) and body.lstrip().startswith(("{", "[")) and (problem := _template_problem(body)):
        yield "body", f"body is not valid JSON, so it is sent as text: {problem}"


def _json_settings(block: Block) -> Found:
    for kind, field in _JSON_OBJECTS:
        value = block.value(field) if block.type == kind else None
        if isinstance(value, str) and value.strip() and (problem := _template_problem(value)):
            yield field, f"{field} is not valid JSON: {problem}"


def _response(block: Block) -> Found:
    mode = block.value("dataMode")
    data, fields = block.value("data"), block.value("builderData")
    if mode == "json" and isinstance(data, str) and (problem := _template_problem(data)):
        yield "data", f"data is not valid JSON, so the response is one text: {problem}"
    if mode in (None, "", "structured") and data not in (None, "") and not parse_list(fields):
        yield "dataMode", 'data is used only if dataMode is "json"'
    if mode == "json" and parse_list(fields) and data in (None, ""):
        yield "dataMode", 'builderData is used only if dataMode is "structured"'


def _function(block: Block) -> Found:
    code = block.value("code")
    if code in (None, "", []):
        yield "code", "the function has no code"


def _wait(block: Block) -> Found:
    is_long = is_enabled(block.value("async"))
    amount, unit = block.value("timeValue"), block.value("timeUnitLong" if is_long else "timeUnit")
    seconds = _UNIT_SECONDS.get(to_string(unit or ("minutes" if is_long else "seconds")))
    if amount is None or seconds is None or not _is_literal(amount) or math.isnan(to_number(amount)):
        return
    if to_number(amount) == 0:
        yield "timeValue", "timeValue must be greater than 0"
    if not is_long and to_number(amount) * seconds > _SHORT_WAIT_SECONDS:
        yield "timeValue", "the wait is longer than 5 minutes; set async to true to wait up to 30 days"
    if is_long and to_number(amount) * seconds > _LONG_WAIT_SECONDS:
        yield "timeValue", "the wait is longer than 30 days"


def _guardrails(block: Block) -> Found:
    pattern = block.value("regex")
    if block.value("validationType") == "regex" and isinstance(pattern, str) and _is_literal(pattern):
        try:
            re.compile(pattern)
        except re.error as error:
            yield "regex", f"regex is not a valid pattern: {error}"


_BY_TYPE: Final[Mapping[str, tuple[Callable[[Block], Found], ...]]] = {
    "condition": (_condition,),
    "router_v2": (_router,),
    "agent": (_agent,),
    "api": (_url, _body),
    "webhook_request": (_url, _body),
    "response": (_response,),
    "function": (_function,),
    "wait": (_wait,),
    "guardrails": (_guardrails,),
    "workflow_input": (_json_settings,),
    "mcp": (_json_settings,),
}


def _variables(state: WorkflowState) -> Iterator[Problem]:
    names = {variable.name for variable in state.variables.values()}
    for block in state.blocks.values():
        if block.type != "variables" or not state.is_enabled(block.id):
            continue
        for entry in parse_list(block.value("variables")):
            name = to_string(entry.get("variableName") or "") if isinstance(entry, dict) else ""
            known = isinstance(entry, dict) and entry.get("variableId") in state.variables
            if name and name not in names and not known:
                near = nearest(name, names)
                text = f'the workflow has no variable "{name}"; only this block\'s output has it.{did_you_mean(near)}'
                yield _warning(block, "variables", text, near)


def _template_problem(text: str) -> str | None:
    """Return why a JSON text cannot be JSON, whatever its references stand for; None if it can."""
    if not text.strip():
        return None
    pieces: list[str] = []
    in_string = False
    for part in parse_text(text).parts:
        if isinstance(part, str):
            pieces.append(part)
            for match in _STRING_MARKS.finditer(part):
                in_string = in_string is not (match[0] == '"')
        else:
            pieces.append("x" if in_string else "0")
    return json_problem("".join(pieces))


_STRING_MARKS: Final = re.compile(r'\\.|"', re.DOTALL)


def _parsed(value: Json) -> Json:
    parsed = parse_json(value) if isinstance(value, str) else value
    return value if parsed is MISSING else parsed


def _is_literal(value: Json) -> bool:
    """Return whether a value has nothing to fill in."""
    if isinstance(value, str):
        return parse_text(value).is_literal
    return not isinstance(value, list | dict) or all(parse_text(text).is_literal for text in texts(value))


def _shown(value: Json) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = to_string(value)
    return f'"{text[:40]}{"…" if len(text) > 40 else ""}"'


def _warning(block: Block, field: str, text: str, suggestion: str | None = None) -> Problem:
    end = "" if text.endswith((".", "?")) else "."
    return warning(ProblemCode.INVALID_SETTING, f"{block.name}: {text}{end}", block, (field,), suggestion=suggestion)
