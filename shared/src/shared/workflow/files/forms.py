"""Short forms of settings in files. `expand` turns one into the stored value; `shorten` is its inverse or gives up."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from shared.workflow.catalog import SubBlockSpec
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, JsonObject, Missing, object_of, parse_json, to_string
from shared.workflow.format.references import json_parts, parse_text

_EDITOR_KEYS: Final = frozenset(
    {"showTags", "showEnvVars", "searchTerm", "cursorPosition", "activeSourceBlockId", "collapsed"}
)
"""What Sim's editor stores in entries and nothing reads."""
_JSON_TEXTS: Final = frozenset({"data", "body"})
_JSON_SETTINGS: Final = frozenset({"responseFormat", "inputMapping", "arguments"})
BRANCH_TITLES: Final = ("if", "else if", "else")
_MARK: Final = "\ue000"
"""Stands before and after a reference that is a whole value, while JSON text is written."""


class Form(NamedTuple):
    """Short form of a kind of setting."""

    expand: Callable[[Json], Json | Missing]
    """Return the stored value of a short form; MISSING for any other value."""
    shorten: Callable[[Json], Json | Missing]
    """Return a candidate for the short form of a stored value. It counts only if it expands to the same value."""


def form_of(setting: SubBlockSpec | None) -> Form | None:
    """Return the short form of a setting; None if files hold its value as stored."""
    if setting is None:
        return None
    if setting.id in _JSON_TEXTS and setting.type == "code":
        return _JSON_TEXT
    if setting.id in _JSON_SETTINGS:
        return _JSON
    return _BY_TYPE.get(setting.type)


def shortened(form: Form, stored: Json) -> Json | Missing:
    """Return the short form of a stored value, MISSING if it has none that loses nothing."""
    short = form.shorten(stored)
    if short is MISSING or form.expand(short) != stored:
        return MISSING
    return short


# Inputs: a mapping of names to a type, or to a mapping with `type`, `default` and others.


def expand_inputs(value: Json) -> Json | Missing:
    """Return the stored fields of `inputs`."""
    if not isinstance(value, dict):
        return MISSING
    fields: list[Json] = []
    for name, given in value.items():
        spec: JsonObject = dict(given) if isinstance(given, dict) else {"type": given} if given is not None else {}
        entry: JsonObject = {"id": spec.pop("id", name), "name": name, "type": spec.pop("type", "string")}
        if "default" in spec:
            entry["value"] = spec.pop("default")
        fields.append({**entry, **spec})
    return fields


def shorten_inputs(stored: Json) -> Json | Missing:
    """Return `inputs` of stored fields."""
    entries = parse_list(stored)
    short: JsonObject = {}
    for entry in entries:
        given = object_of(entry)
        spec: JsonObject = {key: value for key, value in given.items() if key not in _EDITOR_KEYS and value is not None}
        name = spec.pop("name", None)
        if not isinstance(name, str) or not name or name in short or "default" in spec:
            return MISSING
        if "value" in spec:
            spec = {"default" if key == "value" else key: value for key, value in spec.items()}
        if spec.get("id") == name:
            del spec["id"]
        kind = spec.get("type", "string")
        is_bare = set(spec) <= {"type"} and isinstance(kind, str)
        short[name] = kind if is_bare else spec
    return short if entries else MISSING


# Tables: a mapping of keys to values.


def _expand_table(value: Json) -> Json | Missing:
    if not isinstance(value, dict):
        return MISSING
    return [
        {"id": f"row-{number}", "cells": {"Key": key, "Value": cell}}
        for number, (key, cell) in enumerate(value.items(), 1)
    ]


def _shorten_table(stored: Json) -> Json | Missing:
    rows = [object_of(object_of(row).get("cells")) for row in parse_list(stored)]
    filled = [cells for cells in rows if any(cell not in (None, "") for cell in cells.values())]
    short: JsonObject = {}
    for cells in filled:
        key = cells.get("Key")
        if not isinstance(key, str) or key in short or set(cells) != {"Key", "Value"}:
            return MISSING
        short[key] = cells["Value"]
    return short or MISSING


def table_rows(stored: Json) -> list[Json]:
    """Return the cells of a table's rows: all that counts of it."""
    cells = (object_of(row).get("cells") for row in parse_list(stored))
    return [each for each in cells if isinstance(each, dict) and any(cell not in (None, "") for cell in each.values())]


# Messages: a list of `role: content`.


def _expand_messages(value: Json) -> Json | Missing:
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list):
        return MISSING
    messages: list[Json] = []
    for entry in value:
        given = object_of(entry)
        if set(given) >= {"role", "content"} or len(given) != 1:
            messages.append(entry)
        else:
            ((role, content),) = given.items()
            messages.append({"role": role, "content": content})
    return messages


def _shorten_messages(stored: Json) -> Json | Missing:
    if not isinstance(stored, list):
        return MISSING
    short: list[Json] = []
    for entry in stored:
        given = object_of(entry)
        role = given.get("role")
        is_short = set(given) == {"role", "content"} and isinstance(role, str) and role
        short.append({to_string(role): given["content"]} if is_short else entry)
    return short


# JSON text: a mapping or list whose values that are one reference are inserted as JSON.


def _expand_json_text(value: Json) -> Json | Missing:
    return json_text(value) if isinstance(value, list | dict) else MISSING


def json_text(value: Json) -> str:
    """Return JSON text in which a value that is one reference stands without quotes."""
    text = json.dumps(_marked(value), ensure_ascii=False, indent=2)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def _marked(value: Json) -> Json:
    if isinstance(value, str):
        return f"{_MARK}{value}{_MARK}" if parse_text(value).sole_reference else value
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def _shorten_json_text(stored: Json) -> Json | Missing:
    if not isinstance(stored, str):
        return MISSING
    pieces = (
        part if isinstance(part, str) else part.raw if quoted else json.dumps(part.raw, ensure_ascii=False)
        for part, quoted in json_parts(stored)
    )
    parsed = parse_json("".join(pieces))
    return parsed if isinstance(parsed, list | dict) and parsed else MISSING


# Other JSON settings: a mapping, stored as indented text.


def _expand_json(value: Json) -> Json | Missing:
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, list | dict) else MISSING


def _shorten_json(stored: Json) -> Json | Missing:
    parsed = parse_json(stored) if isinstance(stored, str) else MISSING
    return parsed if isinstance(parsed, list | dict) and parsed else MISSING


# Branches of conditions and routers.


class Branch(NamedTuple):
    """One branch in a file."""

    entry: JsonObject
    """As stored: `{id, title, value}`."""
    targets: Json
    """Names of the blocks behind it, as written."""


def expand_branches(kind: str, block_id: str, value: Json | Sequence[JsonObject]) -> list[Branch] | None:
    """Return the branches of a condition or router; None if `value` has another shape."""
    if not isinstance(value, list):
        return None
    found: list[Branch] = []
    others = 0
    for number, each in enumerate(value, 1):
        given = {each: None} if isinstance(each, str) else object_of(each)
        if kind == "condition":
            title = next((title for title in BRANCH_TITLES if title in given), None)
            if title is None:
                return None
            others += title == "else if"
            suffix = f"else-if-{others}" if title == "else if" else title
            targets = given.get("next")
            text = given.get(title)
            if title == "else" and text is not None:
                targets, text = text, None
            entry: JsonObject = {"title": title, "value": "" if text is None else _code(text)}
        else:
            suffix, targets = f"route-{number}", given.get("next")
            entry = {"title": given.get("route") or f"Route {number}", "value": given.get("when") or ""}
        found.append(Branch({"id": given.get("id") or f"{block_id}-{suffix}", **entry}, targets))
    return found


def shorten_branches(kind: str, block_id: str, stored: Json) -> Sequence[JsonObject] | None:
    """Return the branches in a file, without targets; None if they cannot be written there without loss."""
    entries = [_without_editor_keys(entry) for entry in parse_list(stored)]
    short: list[JsonObject] = []
    for entry in entries:
        title, value = entry.get("title"), entry.get("value")
        if kind == "condition":
            branch: JsonObject = {to_string(title): None if title == "else" and value == "" else value}
        else:
            branch = {"route": title, "when": value}
        short.append({**branch, "id": entry.get("id")})
    for position, branch in enumerate(short):
        bare = [{key: item for key, item in each.items() if key != "id"} for each in short]
        expanded = expand_branches(kind, block_id, bare)
        if expanded is not None and expanded[position].entry["id"] == branch["id"]:
            del branch["id"]
    expanded = expand_branches(kind, block_id, short)
    return short if short and expanded is not None and [each.entry for each in expanded] == entries else None


def branches_text(branches: list[Branch]) -> str:
    """Return the stored text of branches."""
    return json.dumps([branch.entry for branch in branches], ensure_ascii=False, separators=(",", ":"))


def _without_editor_keys(entry: Json) -> JsonObject:
    return {key: value for key, value in object_of(entry).items() if key not in _EDITOR_KEYS}


def _code(value: Json) -> Json:
    """Return an expression as text: `if: true` is a boolean in YAML."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


_INPUTS: Final = Form(expand_inputs, shorten_inputs)
_JSON_TEXT: Final = Form(_expand_json_text, _shorten_json_text)
_JSON: Final = Form(_expand_json, _shorten_json)
_BY_TYPE: Final[Mapping[str, Form]] = {
    "input-format": _INPUTS,
    "table": Form(_expand_table, _shorten_table),
    "messages-input": Form(_expand_messages, _shorten_messages),
}
