"""Settings of agents and evaluators: messages, tools, response format, metrics."""

import math
import re
from collections.abc import Iterator
from typing import Final

from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.catalog.logic import code_text
from shared.workflow.catalog.synonyms import is_misnamed
from shared.workflow.compile.agent_tools import CUSTOM_TOOL, NOT_BLOCKS, TOOL_BLOCKS
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest, one_of
from shared.workflow.validate.settings.literals import Found, is_literal, parsed, shown
from shared.workflow.validate.settings.schemas import TYPES, openai_problems, schema_problems, unwrapped_fields
from shared.workflow.validate.unsupported_settings import MCP_SERVER, MCP_TOOLS

_ROLES: Final = ("system", "user", "assistant")
_ROLE_SYNONYMS: Final = {"human": "user", "ai": "assistant", "bot": "assistant", "developer": "system"}
_USAGES: Final = ("auto", "force", "none")
_OPENAI: Final = re.compile(r"gpt-\d|o[1-9](?:-|$)")
_PROMPTS: Final = ("systemPrompt", "userPrompt", "memories")
AGENT_FIELDS: Final = ("model", "tokens", "toolCalls", "providerTiming", "cost")
"""Outputs of an agent that take precedence over fields of the answer."""
_CORE_SETTINGS: Final = {spec.type: frozenset(each.id for each in spec.sub_blocks) for spec in CORE_BLOCKS}
_MCP_PARAMETERS: Final = frozenset({*MCP_SERVER, "toolName", "headers"})
_NAMES: Final = ("title", "label", "metric", "key", "id")
"""Other words for the name of a metric."""
_BOUNDS: Final = ("min", "max")
_RANGE: Final = "range: {min: 1, max: 10}"
_FUNCTION_KEYS: Final = ("name", "description", "parameters")
_ENTRY_KEYS: Final = frozenset({"params", "operation"})
"""Keys of entries with the name of a setting."""


def agent_problems(block: Block) -> Found:
    """Yield the problems of an agent's messages, tools and response format."""
    messages = block.value("messages")
    has_prompt = any(block.value(key) for key in _PROMPTS) or is_misnamed("agent", block.sub_blocks, "messages")
    if messages in (None, []) and not has_prompt:
        yield "messages", "the agent has no messages, so the model gets no prompt"
    for number, message in enumerate(parse_list(messages), 1):
        where = ("messages", str(number - 1))
        role = message.get("role") if isinstance(message, dict) else None
        written = [key for key in object_of(message) if key in _ROLES]
        if role is None and len(written) > 1:
            yield where, f"message {number} has both {written[0]} and {written[1]}: put - before {written[1]}"
        elif not isinstance(message, dict) or not isinstance(role, str):
            yield where, f"message {number} must be an object with a role and a content, in a file - user: text"
        elif role not in _ROLES and is_literal(role):
            hint = one_of(role, _ROLES, _ROLE_SYNONYMS.get(role.lower()))
            yield where, f'message {number} has the unknown role "{role}".{hint}'
        elif message.get("content") in (None, ""):
            near = next((key for key in ("text", "message", "value", "prompt") if message.get(key)), None)
            yield where, f"message {number} has no content{(near and f'. Write content instead of {near}') or ''}"
        elif isinstance(message["content"], list) and any(object_of(part).get("type") for part in message["content"]):
            yield where, f"message {number} has the content parts of OpenAI. Write its text as content"
    for number, tool in enumerate(parse_list(block.value("tools")), 1):
        for text in _tool(tool):
            yield ("tools", str(number - 1)), f"tool {number} {text}"
    files = block.value("files")
    if files not in (None, "") and is_literal(files) and not isinstance(parsed(files), list | dict):
        yield "files", f"files must be a reference to files, or a list of {{name, url}}, not {shown(files)}"
    for text in _response_format(block.value("responseFormat")):
        yield "responseFormat", f"responseFormat {text}"
    if _OPENAI.match(to_string(block.value("model"))):
        yield from _refused_by_openai(block)


def _refused_by_openai(block: Block) -> Found:
    found = read_response_format(block.value("responseFormat"))
    if found and found.strict and found.outputs:
        for text in openai_problems(found.schema):
            yield "responseFormat", f"responseFormat is invalid: {text}"
    for number, tool in enumerate(parse_list(block.value("tools"))):
        given = object_of(tool)
        if given.get("type") == CUSTOM_TOOL and given.get("usageControl") != "none":
            function = object_of(object_of(parsed(given.get("schema"))).get("function"))
            for text in openai_problems(function.get("parameters"), "parameters"):
                yield ("tools", str(number)), f"tool {number + 1} has an invalid schema: {text}"


def _tool(tool: Json) -> Iterator[str]:
    if not isinstance(tool, dict):
        yield "must be an object with a type"
        return
    usage, kind = tool.get("usageControl"), to_string(tool.get("type") or "")
    if isinstance(usage, str) and usage not in ("", *_USAGES):
        yield f'has the unknown usageControl "{usage}".{one_of(usage, _USAGES)}'
    if not kind:
        yield "has no type"
    if usage == "none":
        return
    if kind == CUSTOM_TOOL:
        yield from _custom_tool(tool)
    elif text := _mcp_problem(kind, tool) if kind in MCP_TOOLS else _block_problem(kind, tool):
        yield text
    if _is_of_openai(kind, tool):  # whose fix moves the code
        return
    params = object_of(tool.get("params"))
    settings = _MCP_PARAMETERS if kind in MCP_TOOLS else _CORE_SETTINGS.get(kind, frozenset())
    for key in tool:
        if key in settings - _ENTRY_KEYS and key not in params:
            yield f'has "{key}" outside of params, where it is ignored. Write it under params'


def _is_of_openai(kind: str, tool: JsonObject) -> bool:
    return isinstance(tool.get("function"), dict) and kind != CUSTOM_TOOL and kind not in MCP_TOOLS


def _mcp_problem(kind: str, tool: JsonObject) -> str | None:
    given = {**tool, **object_of(tool.get("params"))}  # those outside are reported
    if not any(given.get(name) for name in MCP_SERVER):
        return "names no MCP server: set params.serverUrl"
    is_named = kind != "mcp" or given.get("toolName") or given.get("tool")
    return None if is_named else "names no tool of the server: set params.toolName"


def _block_problem(kind: str, tool: JsonObject) -> str | None:
    params = object_of(tool.get("params"))
    if _is_of_openai(kind, tool):
        return "has the form of OpenAI. Write type: custom-tool, with code, and with function under schema"
    if kind in _CORE_SETTINGS and kind not in TOOL_BLOCKS:
        kinds = ", ".join((*sorted(NOT_BLOCKS), *TOOL_BLOCKS))
        return f'has the type "{kind}", which no model can call. Use one of: {kinds}'
    if kind in CALLS_A_WORKFLOW and not (params.get("workflowId") or params.get("manualWorkflowId")):
        return "names no workflow, so the model has to guess its id: set params.workflowId"
    return None


def _custom_tool(tool: JsonObject) -> Iterator[str]:
    schema = object_of(parsed(tool.get("schema"))) if is_literal(tool.get("schema")) else None
    if schema is None:
        return
    function = object_of(schema.get("function")) or schema
    has_code = code_text(tool.get("code")).strip()  # one without code is an error
    if has_code and not tool.get("title") and not function.get("name"):
        yield "has no name: set title, or schema.function.name"
    if tool.get("language") not in (None, "", "javascript"):
        yield "has a language, but code of custom tools is JavaScript"
    for key in function:
        if key not in _FUNCTION_KEYS and (near := nearest(key, _FUNCTION_KEYS)) and near not in function:
            yield f'has a schema with the unknown key "{key}".{did_you_mean(near)}'
    if "parameters" in tool and "parameters" not in function:
        yield "has parameters outside of its schema. Write them under schema.function"
    if names := unwrapped_fields(function.get("parameters")):
        fields = ", ".join(f"{name}: …" for name in names)
        yield f"must have parameters of the form {{type: object, properties: {{{fields}}}}}"
    elif "parameters" in function:
        yield from (f"has an invalid schema: {text}" for text in schema_problems(function["parameters"], "parameters"))


def _response_format(value: Json) -> Iterator[str]:
    if value in (None, "") or not is_literal(value):
        return
    found = read_response_format(value)
    if isinstance(value, str) and not value.lstrip().startswith(("{", "[")):
        yield f"must be a JSON schema with properties, not {shown(value)}; it is ignored"
    elif isinstance(value, str) and (problem := json_problem(value)):
        yield f"is not valid JSON and is ignored: {problem}"
    elif found is None:
        yield "must be a JSON schema and is ignored"
    elif (kind := found.schema.get("type")) is not None and "object" not in (
        kind if isinstance(kind, list) else [kind]
    ):
        hint = ". Write properties: {NAME: {type: string}} instead" if kind == "json_object" else ""
        yield f'must have the type "object", not {shown(kind)}{hint}'
    elif not found.outputs:
        typed = {name: kind for name, kind in found.schema.items() if isinstance(kind, str) and kind in TYPES}
        text = "has no properties: name the fields of the answer under schema.properties"
        if typed and len(typed) == len(found.schema):
            fields = ", ".join(f"{name}: {{type: {kind}}}" for name, kind in typed.items())
            text = f"has no properties. Write properties: {{{fields}}}"
        yield next((f"is invalid: {each}" for each in schema_problems(found.schema)), text)
    else:
        yield from (f"is invalid: {text}" for text in schema_problems(found.schema))
        for name in AGENT_FIELDS:
            if name in found.outputs:
                yield f'has the field "{name}", but <….{name}> is the agent\'s own. Rename it'


def evaluator_problems(block: Block) -> Found:
    """Yield the problems of an evaluator's metrics."""
    seen: set[str] = set()
    for number, metric in enumerate(parse_list(block.value("metrics")), 1):
        where = ("metrics", str(number - 1))
        name = to_string(metric.get("name") or "") if isinstance(metric, dict) else ""
        if not isinstance(metric, dict) or not name:
            near = next((key for key in object_of(metric) if key in _NAMES), None)
            hint = f'. Write name instead of "{near}"' if near else ". Set name and description"
            yield where, f"metric {number} has no name and is ignored{hint}"
            continue
        if name.lower() in seen:
            yield where, f'metric {number} has the name of an earlier one, "{name}". Rename it'
        seen.add(name.lower())
        bounds = metric.get("range")
        if bounds is None:
            if misplaced := [key for key in _BOUNDS if key in metric]:
                text = f'the metric "{name}" has {" and ".join(misplaced)} outside of range, where they are ignored'
                yield where, f"{text}. Write {_RANGE}"
            continue
        ends = [object_of(bounds).get(key) for key in _BOUNDS]
        low, high = (to_number(each) if each not in (None, "") else math.nan for each in ends)
        if math.isnan(low) or math.isnan(high):
            yield where, f'the range of the metric "{name}" must have the numbers min and max. Write {_RANGE}'
        elif low >= high:
            yield where, f'the range of the metric "{name}" must begin below its end'
