"""Unknown settings, and literal settings outside their allowed values."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog, NumberRange, SubBlockSpec
from shared.workflow.catalog.synonyms import KEY_HINTS, SETTING_SYNONYMS
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.js_values import Json, to_number, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, parse_text
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_of_few, one_of
from shared.workflow.validate.settings.agent_settings import agent_problems, evaluator_problems
from shared.workflow.validate.settings.branch_settings import condition_problems, router_problems
from shared.workflow.validate.settings.containers import scalar_type
from shared.workflow.validate.settings.input_fields import bare_reference
from shared.workflow.validate.settings.json_texts import is_prose
from shared.workflow.validate.settings.literals import Found, is_literal, is_one_number, parsed, setting_warning, shown
from shared.workflow.validate.settings.logic_settings import (
    TIME_UNITS,
    assignment_problems,
    function_problems,
    guardrails_problems,
    wait_problems,
    workflow_problems,
)
from shared.workflow.validate.settings.request_settings import (
    builder_data_problems,
    json_problems,
    request_problems,
    response_problems,
)

_EDITOR_ONLY: Final = re.compile(
    r"trigger|webhook|samplePayload|setupScript|scheduleInfo|undefined|sandboxId|input$|oauth|.*[cC]redential"
)
"""Settings that only Sim's editor or servers use."""
_SWITCHES: Final = (True, False, "true", "false")
_LISTS: Final = {
    "messages-input": " of {role, content}",
    "tool-input": " of {type, params}",
    "eval-input": " of {name, description, range}",
    "response-format": " of {name, type, value}",
    "variables-input": " of {variableName, value}",
}
"""Controls whose values are lists, with their entries."""
_MOST_LISTED: Final = 10
_SHORTEST_TIMEOUT_MS: Final = 100
_TIME: Final = re.compile(r"\s*(?P<number>\d{1,9}(?:\.\d{1,3})?)\s*(?P<unit>[a-z]+)\s*", re.ASCII)
_MS: Final = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("second", "seconds"), 1_000),
    **dict.fromkeys(("minute", "minutes"), 60_000),
}
"""Milliseconds of each unit."""
_TEXTS: Final = frozenset({"url", "regex", "conversationId", "server", "workflowId"})
"""Settings that are lists or mappings in a file only because quotes are missing."""
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SCHEME: Final = re.compile(r"\s*(?P<scheme>Bearer|Basic)(?P<colon>\s*:)?\s", re.IGNORECASE)
_OF_ROWS: Final = frozenset({"value", "key", "name", "type", "description", "enabled", "required"})
"""Keys of a header that is written like a row of a table."""
_AUTHORIZATION: Final = "authorization"
_SAME_WORD: Final = 0.88
_LINE_BREAK: Final = re.compile(r"[\r\n\0]")
_MEDIA_TYPES: Final = {"json": "application/json", "form": "application/x-www-form-urlencoded", "text": "text/plain"}
_BY_TYPE: Final[Mapping[str, tuple[Callable[[Block], Found], ...]]] = {
    "condition": (condition_problems,),
    "router_v2": (router_problems,),
    "agent": (agent_problems,),
    "evaluator": (evaluator_problems,),
    "human_in_the_loop": (builder_data_problems,),
    "api": (request_problems,),
    "webhook_request": (request_problems,),
    "response": (response_problems,),
    "function": (function_problems,),
    "wait": (wait_problems,),
    "guardrails": (guardrails_problems,),
    "workflow_input": (workflow_problems, json_problems),
    "workflow": (workflow_problems,),
    "mcp": (json_problems,),
}


def setting_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each setting that its block does not have or cannot use."""
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_container or not state.is_enabled(block.id):
            continue
        if spec.is_trigger and block.type != "start_trigger":
            continue
        yield from _unknown(block, spec)
        own = [found for check in _BY_TYPE.get(block.type, ()) for found in check(block)]
        reported = {field for field, _ in own}
        for setting in effective_settings(block, spec):
            value = block.value(setting.id)
            reference = parse_text(value.strip()).sole_reference if isinstance(value, str) else None
            if reference and (text := _of_other_type(setting, reference, state, catalog)):
                yield setting_warning(block, setting.id, f"{setting.id} must be {text}")
            if value not in (None, "", [], {}) and (setting.id not in reported or setting.type == "table"):
                for text, suggestion in _value_problems(block, setting, value):
                    meant = None if suggestion else bare_reference(value, state)
                    yield setting_warning(block, setting.id, _with_fix(text, meant), suggestion or meant)
        yield from (setting_warning(block, field, text) for field, text in own)
    yield from assignment_problems(state, catalog)


def _of_other_type(setting: SubBlockSpec, reference: Reference, state: WorkflowState, catalog: Catalog) -> str | None:
    """Return what a setting must be, and not the value of this reference; true would count as 1."""
    if setting.number is not None and setting.number.low > 1 and scalar_type(reference, state, catalog) == "boolean":
        return f"{setting.number}, but {reference.raw} is a boolean"
    if setting.id == "files" and is_prose(state, catalog, reference):
        return f"a reference to files, or a list of {{name, url}}, but {reference.raw} is a string"
    return None


def _with_fix(text: str, reference: str | None) -> str:
    return f"{text.removesuffix('.')}.{did_you_mean(reference)}" if reference and not text.endswith("?") else text


def _unknown(block: Block, spec: BlockSpec) -> Iterator[Problem]:
    known = dict.fromkeys(setting.id for setting in spec.sub_blocks)
    for key, sub_block in block.sub_blocks.items():
        meant = SETTING_SYNONYMS.get(block.type, {}).get(key.lower())
        is_empty = sub_block.value in (None, "", [], {})
        is_editors = _EDITOR_ONLY.match(key) and (meant is None or block.value(meant) not in (None, "", []))
        if key in known or is_empty or is_editors:
            continue
        advice = "" if meant else KEY_HINTS.get(key, "")
        others = [*known, *(setting.parameter for setting in spec.sub_blocks)]
        suggestion = meant or (None if advice else nearest(key, others))
        is_listed = len(known) <= _MOST_LISTED and block.type != "condition"  # which has no setting but its branches
        usual = f" Use one of: {', '.join(known)}." if is_listed else " Remove it."
        hint = did_you_mean(suggestion) or (f" {advice}" if advice else usual)
        message = f'{block.name}: {block.type} blocks have no setting "{key}"; it is ignored.{hint}'
        yield warning(ProblemCode.UNKNOWN_SETTING, message, block, (key,), suggestion=suggestion)


def _value_problems(block: Block, setting: SubBlockSpec, value: Json) -> Iterator[tuple[str, str | None]]:
    if setting.type == "table":
        yield from ((text, None) for text in _table(setting, value))
    is_text = is_literal(value)
    if isinstance(value, list | dict) and (setting.password or setting.id in _TEXTS):
        hint = ': "{{NAME}}"' if setting.password else ""
        yield f"{setting.id} must be a text, not {shown(value)}. In a file, quote it{hint}", None
        return
    if setting.type in _LISTS and not isinstance(parsed(value), list) and (is_text or not isinstance(value, str)):
        yield f"{setting.id} must be a list{_LISTS[setting.type]}, not {shown(value)}", None
    if not is_text:
        if setting.number is not None and not is_one_number(value):
            yield f"{setting.id} must be {setting.number}. It is not calculated: use a function block", None
        return
    if allowed := setting.options or setting.values:
        if setting.id == "language":
            return  # reported as an error
        if value not in allowed and not (block.type == "api" and to_string(value).upper() in allowed):
            word = to_string(value)
            near = unit if (unit := TIME_UNITS.get(word.lower(), "")) in allowed else nearest_of_few(word, allowed)
            yield f"{setting.id} is {shown(value)}.{one_of(word, allowed, near)}", near
    elif setting.number is not None:
        yield from _number(setting, value, setting.number)
    elif setting.type == "switch" and value not in _SWITCHES:
        yield f"{setting.id} must be true or false, not {shown(value)}", None


def _number(setting: SubBlockSpec, value: Json, allowed: NumberRange) -> Iterator[tuple[str, str | None]]:
    is_timeout = setting.id == "timeout"
    if is_timeout and (meant := _milliseconds(value)) and _fits(allowed, meant):
        yield f"timeout must be a number of milliseconds, not {shown(value)}.{did_you_mean(meant)}", meant
    elif not _fits(allowed, value):
        capped = "; it is capped" if is_timeout and to_number(value) > allowed.high else ""
        yield f"{setting.id} must be {allowed}, not {shown(value)}{capped}", None
    elif is_timeout and to_number(value) < _SHORTEST_TIMEOUT_MS:
        text = f"timeout is in milliseconds, and {shown(value)} is too short to succeed"
        yield f"{text}; for seconds, multiply by 1000", None


def _milliseconds(value: Json) -> str | None:
    """Return the number that a time with a unit, such as `10s`, means."""
    match = _TIME.fullmatch(value.lower()) if isinstance(value, str) else None
    unit = _MS.get(TIME_UNITS.get(match["unit"], match["unit"])) if match else None
    return f"{float(match['number']) * unit:.0f}" if match and unit else None


def _fits(allowed: NumberRange, value: Json) -> bool:
    number = math.nan if isinstance(value, bool | list | dict) else to_number(value)
    is_bound = allowed.excludes_low and number == allowed.low
    return allowed.low <= number <= allowed.high and not is_bound and (not allowed.is_integer or number % 1 == 0)


def _table(setting: SubBlockSpec, value: Json) -> Iterator[str]:
    rows = parsed(value)
    if not isinstance(rows, list):
        if not isinstance(rows, dict) and (is_literal(value) or _is_other_text(value)):
            yield f"{setting.id} must be a list of rows, not {shown(value)}. In a file, map names to values"
        return
    for number, row in enumerate(rows, 1):
        cells = row.get("cells") if isinstance(row, dict) else None
        if not isinstance(cells, dict):
            yield f"row {number} of {setting.id} has no cells. In a file, map names to values: NAME: value"
            continue
        key, content = cells.get("Key"), cells.get("Value")
        if content not in (None, "") and not key:
            yield f"row {number} of {setting.id} has a value but no key, and is ignored"
        elif setting.id == "headers" and isinstance(key, str) and key and is_literal(key):
            yield from _header(number, key, content)


def _is_other_text(value: Json) -> bool:
    """Return whether a text with references is no list of rows, whatever their values are."""
    parts = parse_text(value.strip()).parts if isinstance(value, str) else ()
    return len(parts) > 1 and not to_string(value).lstrip().startswith(("[", "{"))


def _authorization_problem(name: str, scheme: re.Match[str]) -> str | None:
    """Return the problem of a header whose value begins with a scheme of authorization."""
    if scheme["colon"] and name.lower() == _AUTHORIZATION:
        return f"has a colon after {scheme['scheme']}. Write {scheme['scheme']}, a space and the token"
    is_misspelled = name.isalpha() and name.lower() != _AUTHORIZATION
    is_near = is_misspelled and nearest(name, [_AUTHORIZATION], least=_SAME_WORD)
    return f"is not the one that has a token.{did_you_mean('Authorization')}" if is_near else None


def _header(number: int, name: str, content: Json) -> Iterator[str]:
    if not _HEADER_NAME.fullmatch(name.strip()):
        yield f'row {number} of headers has the invalid name "{name}". Use letters, digits and -'
    elif isinstance(content, list):
        yield f'the header "{name}" has a list as its value, which is sent as JSON. Write one text'
    elif isinstance(content, dict) and "value" in content and content.keys() <= _OF_ROWS:
        yield f'the header "{name}" has a mapping as its value, which is sent as JSON. Write {name}: and the value'
    elif (match := _SCHEME.match(to_string(content))) and (problem := _authorization_problem(name.strip(), match)):
        yield f'the header "{name}" {problem}'
    elif isinstance(content, str) and _LINE_BREAK.search(content.strip()):
        yield f'the header "{name}" has a line break in its value'
    elif (
        name.strip().lower() == "content-type"
        and content not in (None, "")
        and is_literal(content)
        and "/" not in to_string(content)
    ):
        meant = _MEDIA_TYPES.get(to_string(content).strip().lower())
        yield f'the header "{name}" has no media type: {shown(content)}.{did_you_mean(meant)}'
