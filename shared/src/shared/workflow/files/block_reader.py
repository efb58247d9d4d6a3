"""Stored form of a file's blocks: settings, retries and layout."""

from collections import deque
from collections.abc import Collection, Mapping
from typing import Final

from shared.workflow.catalog import SubBlockSpec
from shared.workflow.catalog.synonyms import KEY_HINTS, SETTING_SYNONYMS
from shared.workflow.files import forms
from shared.workflow.files.branch_reader import BranchReader
from shared.workflow.files.file_blocks import FileBlock, FileBlocks
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.misplaced_keys import take_misplaced_keys
from shared.workflow.files.misplaced_settings import warn_of_misplaced_settings
from shared.workflow.files.names import BLOCK_KEYS, BLOCKS_SYNONYMS, BRANCHING, CONTAINER_KEYS, FLAGS
from shared.workflow.files.retries import is_number, retry_problems
from shared.workflow.files.yaml_reader import Path
from shared.workflow.format.input_format import FIELD_TYPES, parse_list
from shared.workflow.format.js_values import MISSING, Json, JsonObject, object_of, to_string
from shared.workflow.format.notifications import NO_NOTIFICATIONS
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import did_you_mean, nearest, one_of

_LOOP_KINDS: Final = {"collection": "forEach", "while": "while", "do_while": "doWhile"}
_STORED_CONDITIONS: Final = {"while": "whileCondition", "do_while": "doWhileCondition"}
_INPUT_KEYS: Final = ("type", "default", "description", "required", "id", "collapsed", "label", "placeholder")
_INPUT_SYNONYMS: Final = {
    "value": "default",
    "kind": "type",
    **dict.fromkeys(("optional", "nullable", "mandatory", "isRequired", "is_required"), "required"),
}
_KEY_SYNONYMS: Final = {
    "position": "layout",
    **dict.fromkeys(("goto", "then", "to", "target"), "next"),
    **dict.fromkeys(("retries", "retryPolicy"), "retry"),
    **dict.fromkeys(("disabled", "active", "enable"), "enabled"),
    **dict.fromkeys(("until", "repeat_until"), "do_while"),
    **dict.fromkeys(("items", "over", "for_each", "foreach", "forEach"), "collection"),
    **dict.fromkeys(("onFailure", "on_failure", "catch", "error"), "on_error"),
}
"""Keys of blocks in other systems."""
_BRANCHES: Final = dict.fromkeys(("cases", "rules", "paths", "options", "if", "switch", "when"), "branches")
_SYNONYMS_BY_TYPE: Final[Mapping[str, Mapping[str, str]]] = {
    **dict.fromkeys(("condition", "router_v2"), _BRANCHES),
    **dict.fromkeys(CONTAINER_KEYS, dict.fromkeys(BLOCKS_SYNONYMS, "blocks")),
}
_OPPOSITES: Final = {
    **dict.fromkeys(("until", "repeat_until"), " Write do_while, with the opposite condition"),
    "disabled": " Write enabled: false",
}
"""Keys whose equivalents have the opposite value."""
_EXPRESSION_KEYS: Final = frozenset({"if", "condition", "expression", "when"})
"""Keys of a condition block that hold the expression of its only branch."""
_WAYS: Final = ("then", "else")
"""Keys of a condition block in other systems for the blocks that follow."""
_WRAPPERS: Final = frozenset({"subBlocks", "config", "configuration", "params", "parameters", "with", "args", "spec"})
"""Keys of other systems for all settings of a block."""
_SETTINGS_AT_BLOCK: Final = "each of its settings at the block: NAME: value"
_CLOSE: Final = 0.75
_SCHEMA_KEYS: Final = frozenset(
    {"enum", "options", "choices", "min", "max", "minimum", "maximum", "minLength", "maxLength", "pattern", "format"}
    | {"items", "properties", "additionalProperties"}
)
"""Keys of JSON schemas that inputs do not have."""
_ALIASES: Final = {"inputs": "inputFormat"}
"""Keys of files for settings."""


class BlockReader:
    """Returns the stored form of blocks and reports problems of their keys."""

    def __init__(self, blocks: FileBlocks, problems: FileProblems) -> None:
        self._blocks = blocks
        self._problems = problems
        self._branches = BranchReader(blocks, problems)
        self.meant_targets: set[str] = set()
        """Ids of blocks that misplaced keys name."""

    def read(self, block: FileBlock) -> JsonObject:
        """Return the stored form of a block."""
        take_misplaced_keys(block, self._problems)
        self.meant_targets |= warn_of_misplaced_settings(block, self._blocks, self._problems)
        given = block.given
        known = self._blocks.in_draft(block)
        stored: JsonObject = {
            "id": block.id,
            "type": block.type,
            "name": block.name,
            "enabled": given.get("enabled") is not False,
            "subBlocks": self._settings(block),
            "outputs": {},
            "data": self._data(block),
        }
        for flag, default in FLAGS.items():
            if flag in given:
                stored[flag] = given[flag]
            elif known.get(flag) not in (None, default):
                stored[flag] = known[flag]
        if given.get("enabled") not in (None, True, False):
            self._warn(block, "enabled", "enabled must be true or false; the block is enabled")
        retry = given.get("retry")
        is_retryable = block.spec is None or block.spec.retryable or "id" in given
        if retry is not None and not is_retryable:
            self._warn(block, "retry", f"retry has no effect: {block.type} blocks are never retried. Remove it")
        elif isinstance(retry, dict):
            for key, message in retry_problems(retry):
                self._warn(block, ("retry", key), message)
            stored["retry"] = {"enabled": True, **retry}
        elif retry is not None:
            message = "retry must be a mapping with maxTries and waitBetweenTriesMs"
            self._problems.report(message, (*block.path, "retry"))
        layout = given.get("layout")
        if isinstance(layout, list) and len(layout) in (2, 4) and all(is_number(each) for each in layout):
            stored["position"] = {"x": layout[0], "y": layout[1]}
            if len(layout) == 4:
                object_of(stored["data"]).update(width=layout[2], height=layout[3])
        elif layout is not None:
            self._problems.report("layout must be [x, y] or [x, y, width, height]", (*block.path, "layout"))
        elif isinstance(known.get("position"), dict):
            stored["position"] = known["position"]
            sizes = {key: size for key, size in object_of(known.get("data")).items() if key in ("width", "height")}
            object_of(stored["data"]).update(sizes)
        return stored

    def _settings(self, block: FileBlock) -> JsonObject:
        settings: dict[str, SubBlockSpec] = {each.id: each for each in block.spec.sub_blocks} if block.spec else {}
        structural = (*BLOCK_KEYS, *CONTAINER_KEYS.get(block.type, ()))
        values: JsonObject = {}
        pending = deque(block.given.items())
        while pending:
            key, given = pending.popleft()
            setting_id = _ALIASES.get(key, key) if block.spec is None or _ALIASES.get(key) in settings else key
            if (key in structural and key not in _ALIASES) or _is_way(block, key):
                continue
            if key == BRANCHING.get(block.type) and self._branches.are_stored(block, key, given):
                continue
            if (
                key not in _ALIASES
                and setting_id not in settings
                and (instead := self._misspelled(key, settings, structural, block)) is not None
            ):
                added = {each: value for each, value in instead.items() if each not in block.given}
                block.given = {**block.given, **added}  # what follows is checked as if it were correct
                pending.extend(added.items())
                continue
            values[setting_id] = self._value(block, key, settings.get(setting_id), given)
        if block.type in CONTAINER_KEYS:
            for key in values:
                known = (*CONTAINER_KEYS[block.type], "blocks")
                self._warn(block, key, f'a {block.type} has no "{key}"; it is ignored.{one_of(key, known)}')
        verbatim = self._problems.mapping(block.given.get("settings"), (*block.path, "settings"), "settings")
        for key in verbatim.keys() & values.keys():
            message = f'"{key}" is written twice: at the block and under settings'
            self._problems.report(message, (*block.path, "settings", key))
        if "id" not in block.given:  # an exported block may have values that its editor hides
            self._check_effect(block, values, settings)
        values |= verbatim
        self._branches.add(block, values)
        if "data" in values and block.type == "response":
            values.setdefault("dataMode", "json")
        for key in ("data", "body"):
            if isinstance(block.given.get(key), list | dict) and "escapeValues" in settings and key in values:
                values.setdefault("escapeValues", True)
        return {
            key: {"id": key, "type": settings[key].type if key in settings else "short-input", "value": value}
            for key, value in values.items()
        }

    def _check_effect(self, block: FileBlock, written: JsonObject, settings: Mapping[str, SubBlockSpec]) -> None:
        """Warn of settings that another one disables."""
        verbatim = object_of(block.given.get("settings"))
        values = {key: {**written, **verbatim}.get(key, setting.default) for key, setting in settings.items()}
        if block.type == "response" and "data" in written and "dataMode" not in written:
            values["dataMode"] = "json"
        for key in written:
            setting = settings.get(key)
            is_default = written[key] == setting.default if setting else False
            is_other_unit = key == "timeUnit" and "timeUnitLong" not in written
            is_meant = is_other_unit and written[key] == values.get("timeUnitLong")
            if setting is None or written[key] in (None, "") or is_meant or (is_default and not is_other_unit):
                continue
            pair = (
                each.id for each in settings.values() if each.canonical_id and each.canonical_id == setting.canonical_id
            )
            if key != (first := next((each for each in pair if values[each] not in (None, "")), key)):
                self._warn(block, key, f"{key} has no effect beside {first}; write one of them")
            elif (condition := setting.condition) and not condition.holds(values):
                other = settings[condition.field]
                valid, decides = other.options or other.values, values[other.id]
                if (valid and decides not in (None, *valid)) or not parse_text(to_string(decides)).is_literal:
                    continue  # the other setting is reported, or known only at run time
                is_reported = block.type == "response" and len({"data", "builderData"} & written.keys()) == 1
                if (other.required and decides is None) or (is_reported and key != "escapeValues"):
                    continue
                longer = settings.get(f"{key}Long")
                is_longer = longer and longer.id not in written and written[key] in (longer.options or ())
                hint = f"Write {key}Long" if is_longer else f"Change {other.id}, or remove it"
                if is_other_unit:
                    hint = "Write timeUnitLong: minutes, hours or days, and timeValue in this unit"
                self._warn(block, key, f"{key} has no effect: it applies only if {condition}. {hint}")

    def _misspelled(
        self, key: str, settings: Mapping[str, SubBlockSpec], structural: Collection[str], block: FileBlock
    ) -> JsonObject | None:
        """Report a probably misspelled key of the file format; return what it means, or an empty object if unknown.

        Other unknown keys are settings, with a warning.
        """
        value = block.given[key]
        synonym = SETTING_SYNONYMS.get(block.type, {}).get(key.lower())
        if synonym is None and _is_block(value):
            message = f'"{key}" is inside of "{block.key}". Is it a block? Give it the same indentation'
            self._problems.report(message, (*block.path, key))
            return {}
        if synonym and key != "input":  # which editors store, too
            return None
        meant = synonym or _SYNONYMS_BY_TYPE.get(block.type, {}).get(key)
        is_expression = block.type == "condition" and key in _EXPRESSION_KEYS and isinstance(value, str)
        if block.spec is None or (key in KEY_HINTS and not meant and not is_expression):
            return None
        unknown = f'Block "{block.key}" has the unknown key "{key}".'
        if is_expression or (key in _WRAPPERS and isinstance(value, dict)):
            fix = f"branches: - if: {value}, with next" if is_expression else _SETTINGS_AT_BLOCK
            if is_expression and (ways := {each: block.given[each] for each in _WAYS if each in block.given}):
                then, other = (to_string(ways.get(each, "NAME")) for each in _WAYS)
                fix = f"branches: a list of - if: {value}, with next: {then}, and - else: {other}"
            self._problems.report(f"{unknown} Write {fix}", (*block.path, key))
            self._problems.paths.update({(*block.path, "branches")} if is_expression else ())
            return {"branches": [{"if": value}]} if is_expression else object_of(value)
        if meant is None and _KEY_SYNONYMS.get(key) in structural:
            meant = _KEY_SYNONYMS[key]
        if meant is None:
            meant = self._problems.nearest(key, [*structural, *settings])
            is_far = meant in structural and self._problems.nearest(key, structural, least=_CLOSE) is None
            meant = None if is_far else meant
        if meant is None or (meant in settings and not synonym) or meant == key:
            return None
        self._problems.report(f"{unknown}{_OPPOSITES.get(key) or did_you_mean(meant)}", (*block.path, key))
        self._problems.paths.add((*block.path, meant))
        return {meant: value}

    def _value(self, block: FileBlock, key: str, setting: SubBlockSpec | None, given: Json) -> Json:
        if setting is not None and setting.type == "tool-input" and not self._are_tools(block, key, given):
            return []
        form = forms.form_of(setting)
        if form is None:
            return given
        if key == "inputs" and (properties := _properties(given)):
            names = ", ".join(f"{name}: {to_string(each.get('type') or 'string')}" for name, each in properties.items())
            message = f"inputs is a JSON schema, but maps names to types. Write inputs: {{{names}}}"
            self._problems.report(message, (*block.path, key))
            given = {name: {key: each[key] for key in _INPUT_KEYS if key in each} for name, each in properties.items()}
        if key == "inputs":
            given = self._without_fields_of_inputs(block, given)
        stored = form.expand(given)
        if key == "inputs":
            self._check_inputs(block, object_of(given))
        if stored is not MISSING:
            return stored
        if key == "inputs":
            self._problems.report("inputs must be a mapping of names to types", (*block.path, key))
            entries = given if isinstance(given, list) else [given] if isinstance(given, str) else []
            fields: list[Json] = [{"name": each} if isinstance(each, str) else each for each in entries]
            return fields
        return given

    def _data(self, block: FileBlock) -> JsonObject:
        given = block.given
        data: JsonObject = {}
        if block.parent is not None:
            data |= {"parentId": block.parent.id, "extent": "parent"}
        if block.type == "loop":
            kinds = [kind for key, kind in _LOOP_KINDS.items() if key in given]
            data["loopType"] = kinds[0] if kinds else "for"
        elif block.type == "parallel":
            data["parallelType"] = "collection" if "collection" in given else "count"
        self._check_kinds(block)
        for key in CONTAINER_KEYS.get(block.type, ()):
            if key in given:
                data[_STORED_CONDITIONS.get(key, key)] = given[key]
        return data | self._problems.mapping(given.get("blockData"), (*block.path, "blockData"), "blockData")

    def _check_kinds(self, block: FileBlock) -> None:
        """Warn of keys that have no effect beside others of a loop or parallel."""
        known = CONTAINER_KEYS.get(block.type, ())
        given: list[str] = [key for key in ("collection", "while", "do_while") if key in block.given and key in known]
        used = given[0] if given else None
        idle = [*given[1:], *(["count"] if "count" in block.given and used in ("collection", "while") else [])]
        for key in idle:
            self._warn(block, key, f"{key} has no effect beside {used}; write one of them")

    def _check_inputs(self, block: FileBlock, given: JsonObject) -> None:
        for name, spec in given.items():
            if not name.strip():
                self._problems.report("an input has no name", (*block.path, "inputs", name))
            for key in object_of(spec):
                if key in _INPUT_KEYS:
                    continue
                meant = _INPUT_SYNONYMS.get(key) or self._problems.nearest(key, _INPUT_KEYS)
                if meant or key in _SCHEMA_KEYS:
                    hint = did_you_mean(meant) or f" Use one of: {', '.join(_INPUT_KEYS[:4])}."
                    self._warn(block, ("inputs", name, key), f'the input "{name}" has no "{key}".{hint}')

    def _without_fields_of_inputs(self, block: FileBlock, given: Json) -> Json:
        """Return inputs in which those that map fields to types are objects. Report each."""
        if not isinstance(given, dict):
            return given
        objects: JsonObject = {name: "object" for name, spec in given.items() if _has_fields(spec)}
        for name in objects:
            message = f'fields of the input "{name}" cannot be declared. Write {name}: object'
            self._problems.report(message, (*block.path, "inputs", name))
        return given | objects

    def _are_tools(self, block: FileBlock, key: str, given: Json) -> bool:
        """Return whether a setting is a list of tools. Report its problems."""
        tools = parse_list(given)
        is_list = isinstance(given, list) or bool(tools) or given in (None, "")
        if key == "notification" and not (is_list and all(map(_has_type, tools))):
            self._problems.report(NO_NOTIFICATIONS, (*block.path, key))
            return False
        if not is_list:
            self._problems.report(f"{key} must be a list of mappings with a type", (*block.path, key))
            return False
        for index, tool in enumerate(tools):
            if not _has_type(tool):
                message = f"entry {index + 1} of {key} must be a mapping with a type"
                if "code" in object_of(tool):
                    message += ". Write type: custom-tool, title, code, and schema with function: {name, parameters}"
                self._problems.report(message, (*block.path, key, index))
        return True

    def _warn(self, block: FileBlock, at: str | Path, message: str) -> None:
        path = (at,) if isinstance(at, str) else at
        self._problems.warn(block.id, block.name, (*block.path, *path), str(path[0]), message)


def _properties(given: Json) -> dict[str, JsonObject]:
    """Return the properties of a JSON schema; an empty mapping for inputs by name."""
    schema = object_of(given)
    properties = {name: each for name, each in object_of(schema.get("properties")).items() if isinstance(each, dict)}
    is_schema = schema.get("type") == "object" and len(properties) == len(object_of(schema.get("properties")))
    return properties if is_schema and not properties.keys() <= set(_INPUT_KEYS) else {}


def _has_type(tool: Json) -> bool:
    return isinstance(tool, dict) and bool(tool.get("type"))


def _is_way(block: FileBlock, key: str) -> bool:
    """Return whether a key is a part of the mistake that is reported for the key of a condition's expression."""
    return block.type == "condition" and key in _WAYS and bool(_EXPRESSION_KEYS.intersection(block.given))


def _has_fields(spec: Json) -> bool:
    """Return whether an input maps names of fields to types, instead of having a type and a default."""
    given = object_of(spec)
    are_types = all(each in FIELD_TYPES or _has_fields(each) for each in given.values())
    return bool(given) and "type" not in given and are_types and any(map(_is_field, given))


def _is_field(key: str) -> bool:
    return key not in _INPUT_KEYS and key not in _INPUT_SYNONYMS and nearest(key, ("type",)) is None


def _is_block(value: Json) -> bool:
    """Return whether an unknown setting looks like a block with a wrong indentation."""
    return isinstance(value, dict) and isinstance(value.get("type"), str) and len(value) > 1
