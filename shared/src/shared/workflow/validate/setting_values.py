"""Unknown settings, and literal settings outside their allowed values."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.catalog.logic import code_text
from shared.workflow.compile.agent_tools import CUSTOM_TOOL
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, is_enabled, object_of, parse_json, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text, texts
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.response_headers import CONTROLLED_HEADERS
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_type, one_of
from shared.workflow.validate.input_fields import FIELD_TYPES, FORM_TYPES, fits_type
from shared.workflow.validate.schemas import schema_problems
from shared.workflow.validate.unsupported_settings import MCP_SERVER, MCP_TOOLS

_EDITOR_ONLY: Final = re.compile(
    r"trigger|webhook|samplePayload|setupScript|scheduleInfo|undefined|sandboxId|input$|oauth|.*[cC]redential"
)
"""Settings that only Sim's editor or servers use."""
_ROLES: Final = ("system", "user", "assistant")
_TITLES: Final = ("if", "else if", "else")
_USAGES: Final = ("auto", "force", "none")
_SWITCHES: Final = (True, False, "true", "false")
_JSON_OBJECTS: Final = frozenset({("workflow_input", "inputMapping"), ("mcp", "arguments")})
_LISTS: Final = frozenset({"messages-input", "tool-input", "eval-input", "response-format", "variables-input"})
_SHORTEST_TIMEOUT_MS: Final = 100
_SHORT_WAIT_SECONDS: Final = 300
_LONG_WAIT_SECONDS: Final = 30 * 86_400
_UNIT_SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


def setting_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each setting that its block does not have or cannot use."""
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_container or not state.is_enabled(block.id):
            continue
        if spec.is_trigger and block.type != "start_trigger":
            continue
        yield from _unknown(block, spec)
        for setting in effective_settings(block, spec):
            value = block.value(setting.id)
            if value not in (None, ""):
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
        message = f'{block.name}: {block.type} blocks have no setting "{key}"; it is ignored.{did_you_mean(suggestion)}'
        yield warning(ProblemCode.UNKNOWN_SETTING, message, block, (key,), suggestion=suggestion)


def _value_problems(block: Block, setting: SubBlockSpec, value: Json) -> Iterator[tuple[str, str | None]]:
    if setting.type == "table":
        yield from _table(setting, value)
    shown = _shown(value)
    if (
        setting.type in _LISTS
        and not isinstance(_parsed(value), list)
        and (_is_literal(value) or not isinstance(value, str))
    ):
        yield f"{setting.id} must be a list, not {shown}", None
    if not _is_literal(value):
        return
    if allowed := setting.options or setting.values:
        if setting.id == "language":
            return  # reported as an error
        if value not in allowed and not (block.type == "api" and to_string(value).upper() in allowed):
            yield f"{setting.id} is {shown}.{one_of(to_string(value), allowed)}", nearest(to_string(value), allowed)
    elif setting.number is not None:
        if not _fits(setting, value):
            yield f"{setting.id} must be {setting.number}, not {shown}", None
        elif setting.id == "timeout" and to_number(value) < _SHORTEST_TIMEOUT_MS:
            yield (
                f"timeout is in milliseconds, and {shown} is too short to succeed; for seconds, multiply by 1000",
                None,
            )
    elif setting.type == "switch" and value not in _SWITCHES:
        yield f"{setting.id} must be true or false, not {shown}", None


def _fits(setting: SubBlockSpec, value: Json) -> bool:
    if setting.number is None or isinstance(value, bool | list | dict):
        return False
    number = to_number(value)
    within = setting.number.low <= number <= setting.number.high and not math.isnan(number)
    return within and (not setting.number.is_integer or float(number).is_integer())


def _table(setting: SubBlockSpec, value: Json) -> Iterator[tuple[str, str | None]]:
    rows = _parsed(value)
    if not isinstance(rows, list):
        if _is_literal(value):
            yield f"{setting.id} must be a list of rows, not {_shown(value)}", None
        return
    for number, row in enumerate(rows, 1):
        cells = row.get("cells") if isinstance(row, dict) else None
        if not isinstance(cells, dict):
            yield f"row {number} of {setting.id} has no cells", None
            continue
        key, content = cells.get("Key"), cells.get("Value")
        if content not in (None, "") and not key:
            yield f"row {number} of {setting.id} has a value but no key, and is ignored", None
        elif setting.id == "headers" and isinstance(key, str) and _is_literal(key):
            if key and not _HEADER_NAME.fullmatch(key.strip()):
                yield f'row {number} of headers has the invalid name "{key}"', None
            elif isinstance(content, str) and _LINE_BREAK.search(content.strip()):
                yield f'the header "{key}" has a line break in its value', None


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE_BREAK: Final = re.compile(r"[\r\n\0]")


Found: TypeAlias = Iterator[tuple[str | tuple[str, ...], str]]
"""Setting, or setting and number of the entry from 0; and the problem."""


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
        where = ("conditions", str(number - 1))
        name = f'branch {number} ("{branch.get("title") or ""}")'
        key = to_string(branch.get("id") or "")
        if not key:
            yield where, f"{name} has no id, so no edge can leave from it"
        elif key in seen:
            yield where, f"{name} has the id of an earlier branch: {key}"
        seen.add(key)
        if title and title not in _TITLES:
            yield where, f"{name} has an unknown title.{one_of(title, _TITLES)}"
        elif title == "else" and number < len(branches):
            yield (
                ("conditions", str(number - 1)),
                f"{name} comes before other branches, which are never reached. Move it to the end",
            )
        elif title != "else" and not to_string(branch.get("value") or "").strip():
            yield where, f"{name} has no expression and is never chosen"
        elif title != "else" and _ASSIGNMENT.match(to_string(branch.get("value"))):
            yield where, f'{name} assigns with "=". To compare, write "==="'
        elif title != "else" and _ARROW.match(to_string(branch.get("value"))):
            yield where, f'{name} is a function, which is always true: "=>" does not compare. Did you mean ">="?'


_ARROW: Final = re.compile(r"\s*(?:<[^<>]+>|[\w.]+)\s*=>")
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
            yield ("routes", str(number - 1)), f"route {number} has no description for the model to choose by"


def _agent(block: Block) -> Found:
    messages = block.value("messages")
    if messages in (None, []) and not any(block.value(key) for key in ("systemPrompt", "userPrompt", "memories")):
        yield "messages", "the agent has no messages, so the model gets no prompt"
    for number, message in enumerate(parse_list(messages), 1):
        where = ("messages", str(number - 1))
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(role, str):
            yield where, f"message {number} must be an object with a role and a content"
        elif role not in _ROLES and _is_literal(role):
            yield (
                ("messages", str(number - 1)),
                f'message {number} has the unknown role "{role}".{one_of(role, _ROLES)}',
            )
        elif message.get("content") in (None, ""):
            yield where, f"message {number} has no content"
    for number, tool in enumerate(parse_list(block.value("tools")), 1):
        for text in _tool(tool):
            yield ("tools", str(number - 1)), f"tool {number} {text}"
    yield from _response_format(block.value("responseFormat"))


def _tool(tool: Json) -> Iterator[str]:
    if not isinstance(tool, dict):
        yield "must be an object with a type"
        return
    usage, kind = tool.get("usageControl"), tool.get("type")
    if isinstance(usage, str) and usage not in ("", *_USAGES):
        yield f'has the unknown usageControl "{usage}".{one_of(usage, _USAGES)}'
    if not kind:
        yield "has no type"
    if kind in MCP_TOOLS and usage != "none":
        params = object_of(tool.get("params"))
        if not any(params.get(name) for name in MCP_SERVER):
            yield "names no MCP server: set params.serverUrl"
        elif kind == "mcp" and not (params.get("toolName") or params.get("tool")):
            yield "names no tool of the server: set params.toolName"
    if kind != CUSTOM_TOOL or not _is_literal(tool.get("schema")):
        return
    schema = object_of(_parsed(tool.get("schema")))
    function = object_of(schema.get("function")) or schema
    has_code = code_text(tool.get("code")).strip()  # one without code is an error
    if has_code and not tool.get("title") and not function.get("name"):
        yield "has no name: set title, or schema.function.name"
    if "parameters" in function:
        yield from (f"has an invalid schema: {text}" for text in schema_problems(function["parameters"], "parameters"))


_LOST_FIELDS: Final = ("model", "tokens", "toolCalls", "providerTiming", "cost")
"""Outputs of an agent that take precedence over fields of the answer."""


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
    else:
        yield from (("responseFormat", f"responseFormat: {text}") for text in schema_problems(found.schema))
        for name in _LOST_FIELDS:
            if name in object_of(found.schema.get("properties")):
                yield (
                    "responseFormat",
                    f'responseFormat has the field "{name}", but <….{name}> is the agent\'s own. Rename it',
                )


def _evaluator(block: Block) -> Found:
    for number, metric in enumerate(parse_list(block.value("metrics")), 1):
        if not isinstance(metric, dict) or not metric.get("name"):
            yield ("metrics", str(number - 1)), f"metric {number} has no name and is ignored"
            continue
        bounds = object_of(metric.get("range"))
        low, high = bounds.get("min"), bounds.get("max")
        if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
            yield ("metrics", str(number - 1)), f'the range of the metric "{metric["name"]}" must begin below its end'


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
    for row in parse_list(block.value("headers")):
        name = object_of(object_of(row).get("cells")).get("Key")
        if isinstance(name, str) and CONTROLLED_HEADERS.fullmatch(name.strip().lower()):
            yield "headers", f'the header "{name}" is left out: the server controls it'
    if mode == "json" and parse_list(fields) and data in (None, ""):
        yield "dataMode", 'builderData is used only if dataMode is "structured"'
    elif mode != "json":
        yield from _builder_data(block)


def _builder_data(block: Block) -> Found:
    for number, entry in enumerate(parse_list(block.value("builderData")), 1):
        where = ("builderData", str(number - 1))
        if not isinstance(entry, dict):
            yield where, f"entry {number} of builderData must be an object with a name, a type and a value"
        elif not to_string(entry.get("name") or "").strip():
            if entry.get("value") not in (None, "", []):
                yield where, f"entry {number} of builderData has a value but no name, and is ignored"
        elif (kind := entry.get("type")) not in (None, "", *FORM_TYPES):
            near = nearest_type(to_string(kind), FIELD_TYPES)
            hint = did_you_mean(near) or f" Use one of: {', '.join(FIELD_TYPES)}."
            yield where, f'entry {number} of builderData has the unknown type "{to_string(kind)}".{hint}'


def _function(block: Block) -> Found:
    code = block.value("code")
    if not code_text(code).strip():
        yield (
            "code",
            "the function has no code" if code in (None, "", []) else f"code must be a text, not {_shown(code)}",
        )


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
    "evaluator": (_evaluator,),
    "human_in_the_loop": (_builder_data,),
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
    names = {variable.name: variable for variable in state.variables.values()}
    for block in state.blocks.values():
        if block.type != "variables" or not state.is_enabled(block.id):
            continue
        for number, entry in enumerate(parse_list(block.value("variables")), 1):
            given = object_of(entry)
            name = to_string(given.get("variableName") or "")
            variable = state.variables.get(to_string(given.get("variableId") or "")) or names.get(name)
            if not name and variable is None and given.get("value") not in (None, ""):
                yield _warning(block, "variables", f"entry {number} of variables has no variableName and is ignored")
            elif variable and given.get("value") not in (None, "") and not fits_type(given["value"], variable.type):
                text = f'the variable "{variable.name}" is a {variable.type}, but gets {_shown(given["value"])}'
                yield _warning(block, "variables", text)
            elif name and variable is None:
                near = nearest(name, names)
                text = f'the workflow has no variable "{name}"; only this block\'s output has it.{did_you_mean(near)}'
                yield _warning(block, "variables", text, near)


def _template_problem(text: str) -> str | None:
    """Return why a JSON text is no JSON with any values of its references; None if it can be JSON."""
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


def _warning(block: Block, field: str | tuple[str, ...], text: str, suggestion: str | None = None) -> Problem:
    fields = (field,) if isinstance(field, str) else field
    end = "" if text.endswith((".", "?")) else "."
    return warning(ProblemCode.INVALID_SETTING, f"{block.name}: {text}{end}", block, fields, suggestion=suggestion)
