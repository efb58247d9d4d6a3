"""Settings that a block does not have, and literals outside their type, range or allowed values."""

import math
import re
from collections.abc import Iterator
from typing import Final

from jsonschema import Draft7Validator

from shared.contracts.problems import ProblemCode
from shared.workflow.catalog import BlockSpec, SubBlockSpec
from shared.workflow.catalog.synonyms import SETTING_SYNONYMS
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.files.schema import setting_schema
from shared.workflow.format.input_format import FIELD_TYPES, parse_list
from shared.workflow.format.js_values import MISSING, Json, object_of, parse_json, to_number, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block
from shared.workflow.format.references import parse_text, texts
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_of_few, nearest_type, one_of
from shared.workflow.validate.findings import Checked, Finding, Rule

_EDITOR_ONLY: Final = re.compile(
    r"trigger|webhook|samplePayload|setupScript|scheduleInfo|undefined|sandboxId|input$|oauth|.*[cC]redential"
)
"""Settings that only Sim's editor or servers use."""
_BOOLEANS: Final = {"true": True, "false": False}
_NOT_STORED: Final = frozenset({"input-format", "table"})
"""Controls whose values have another form in files than stored."""
_JSON_SETTINGS: Final = frozenset({"responseFormat", "inputMapping", "arguments", "data"})
_LOOKS_LIKE_JSON: Final = re.compile(r"""\s*(?:\{\s*["'}]|\[\s*["{\[\]])""")
_FORM_TYPES: Final = (*FIELD_TYPES, "files", "file", "text", "long-text", "select", "date")
_MOST_LISTED: Final = 10
_LONGEST_SHOWN: Final = 40


def _unknown(checked: Checked) -> Iterator[Finding]:
    for block, spec in _blocks(checked):
        known = [setting.id for setting in spec.sub_blocks]
        for key, sub_block in block.sub_blocks.items():
            meant = SETTING_SYNONYMS.get(block.type, {}).get(key.lower())
            is_editors = spec.is_trigger or (meant is None and _EDITOR_ONLY.match(key))
            if key in known or sub_block.value in (None, "", [], {}) or is_editors:
                continue
            near = meant or nearest(key, known)
            hint = did_you_mean(near) or f" Use one of: {', '.join(known[:_MOST_LISTED])}."
            text = f'{block.type} blocks have no setting "{key}"; it is ignored.{hint}'
            yield Finding(text, block, (key,), near)


def _invalid(checked: Checked) -> Iterator[Finding]:
    validators: dict[str, Draft7Validator] = {}
    for block, spec in _blocks(checked):
        settings = {each.id: each for each in effective_settings(block, spec) if each.type not in _NOT_STORED}
        given = {
            key: _stored(block.value(key), setting)
            for key, setting in settings.items()
            if block.value(key) not in (None, "", [], {}) and _is_literal(block.value(key))
        }
        for key in (key for key in given if key in _JSON_SETTINGS):
            text = to_string(given[key]) if isinstance(given[key], str) else ""
            if _LOOKS_LIKE_JSON.match(text) and (cause := json_problem(text, with_fix=True)):
                yield Finding(f"{key} is not JSON: {cause}.", block, (key,))
        if not given:
            continue
        validator = validators.get(spec.type) or validators.setdefault(spec.type, _validator(spec))
        invalid = {to_string(each.absolute_path[0]) for each in validator.iter_errors(given)}
        for key in (key for key in given if key in invalid):
            text, near = _fix(settings[key], given[key])
            yield Finding(f"{key} {text}", block, (key,), near)


def _validator(spec: BlockSpec) -> Draft7Validator:
    return Draft7Validator({"properties": {each.id: setting_schema(each) for each in spec.sub_blocks}})


def _stored(value: Json, setting: SubBlockSpec) -> Json:
    """Return a stored value as files have it: exports store numbers, booleans and lists as text."""
    if not isinstance(value, str):
        return value
    if setting.number is not None:
        number = to_number(value)
        return value if math.isnan(number) or math.isinf(number) else number
    if setting.type == "switch":
        return _BOOLEANS.get(value, value)
    if setting.options and value.upper() in setting.options:
        return value.upper()
    parsed = parse_json(value) if setting.type == "messages-input" else MISSING
    return value if parsed is MISSING else parsed


def _fix(setting: SubBlockSpec, value: Json) -> tuple[str, str | None]:
    shown = "a list or an object" if isinstance(value, list | dict) else f'"{to_string(value)[:_LONGEST_SHOWN]}"'
    if allowed := setting.options or setting.values:
        near = nearest_of_few(to_string(value), allowed)
        return f"is {shown}.{one_of(to_string(value), allowed, near)}", near
    if setting.number is not None:
        return f"must be {setting.number}, not {shown}.", None
    if setting.type == "switch":
        return f"must be true or false, not {shown}.", None
    return f"must be a list of messages, each with a role (system, user or assistant) and a content, not {shown}.", None


def _is_literal(value: Json) -> bool:
    return all(parse_text(text).is_literal for text in texts(value))


def _input_fields(checked: Checked) -> Iterator[Finding]:
    for block, spec in _blocks(checked):
        if not any(setting.type == "input-format" for setting in spec.sub_blocks):
            continue
        seen: set[str] = set()
        for entry in map(object_of, parse_list(block.value("inputFormat"))):
            name, kind = to_string(entry.get("name") or "").strip(), to_string(entry.get("type") or "string")
            at = ("inputFormat", name)
            if name and name in seen:
                text = f'inputs: "{name}" is declared twice; the first declaration applies. Remove one.'
                yield Finding(text, block, at)
            if name and kind not in (FIELD_TYPES if spec.is_trigger else _FORM_TYPES):
                near = nearest_type(kind, FIELD_TYPES)
                text = f'inputs: "{name}" has the unknown type "{kind}".{one_of("", FIELD_TYPES, near)}'
                yield Finding(text, block, at, near)
            seen.add(name)


def _blocks(checked: Checked) -> Iterator[tuple[Block, BlockSpec]]:
    for key, compiled in checked.workflow.blocks.items():
        if checked.workflow.state.is_enabled(key) and not compiled.spec.is_container:
            yield compiled.block, compiled.spec


RULES: Final = (
    Rule(
        ProblemCode.UNKNOWN_SETTING,
        "A block has only settings of its type.",
        "type: api\nurl: https://api.example.com\nmethd: POST",
        _unknown,
    ),
    Rule(
        ProblemCode.INVALID_SETTING,
        "A literal setting has the type, the range or one of the values that the catalog allows; JSON parses.",
        "type: agent\nmodel: gpt-5-mini\ntemperature: 7",
        _invalid,
    ),
    Rule(
        ProblemCode.INVALID_INPUT_FIELD,
        "The inputs of a start or a form have different names, and known types.",
        "inputs: {amount: decimal}",
        _input_fields,
    ),
)
