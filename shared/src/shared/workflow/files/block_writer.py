"""One block of a workflow in a file: settings, branches, connections and layout."""

from typing import Final

from shared.workflow.catalog import BlockSpec
from shared.workflow.files import forms
from shared.workflow.files.edge_writer import Ways, branch_handles
from shared.workflow.files.names import BLOCK_KEYS, BRANCHING, CONTAINER_KEYS, FLAGS, TYPE_ALIASES, block_id
from shared.workflow.files.outline import Outline
from shared.workflow.format.js_values import MISSING, Json, JsonObject, Missing, object_of
from shared.workflow.format.models import Block

_TYPE_NAMES: Final = {kind: alias for alias, kind in TYPE_ALIASES.items()}
_LAYOUT_DATA: Final = frozenset({"width", "height", "parentId", "extent", "id", "type", "nodes", "state", "label"})
_CONTAINER_DATA: Final = {
    "loop": ("loopType", "count", "collection", "whileCondition", "doWhileCondition"),
    "parallel": ("parallelType", "count", "collection", "batchSize"),
}
_BATCH_SIZE: Final = 20


class BlockWriter:
    """Writes blocks as mappings of a file, without the blocks inside."""

    def __init__(self, raw: JsonObject, outline: Outline) -> None:
        self._raw = raw
        self._outline = outline

    def write(self, block: Block, ways: Ways) -> JsonObject:
        """Return a block with these connections."""
        raw = object_of(self._raw.get(block.id))
        key = self._outline.keys[block.id]
        content: JsonObject = {"type": _TYPE_NAMES.get(block.type, block.type)}
        if block.name != key:
            content["name"] = block.name
        if self._outline.with_layout and block.id != block_id(key):
            content["id"] = block.id
        if not block.enabled:
            content["enabled"] = False
        for flag, default in FLAGS.items():
            if raw.get(flag) not in (None, default):
                content[flag] = raw[flag]
        content |= self._container(block)
        content |= self._settings(block)
        if (branches := self._branches(block, ways)) is not None:
            content["branches"] = branches
        if ways.next:
            content["next"] = ways.next[0] if len(ways.next) == 1 else list(ways.next)
        if ways.on_error:
            content["on_error"] = ways.on_error[0] if len(ways.on_error) == 1 else list(ways.on_error)
        retry = raw.get("retry")
        if isinstance(retry, dict) and retry.get("enabled"):
            content["retry"] = {each: value for each, value in retry.items() if each != "enabled" or value is not True}
        if self._outline.with_layout:
            content |= _layout(raw)
        return content

    def _container(self, block: Block) -> JsonObject:
        data = {key: value for key, value in block.data.items() if key not in _LAYOUT_DATA}
        own = {key: data.pop(key) for key in _CONTAINER_DATA.get(block.type, ()) if key in data}
        content: JsonObject = {}
        if block.type == "loop":
            kind = own.get("loopType") or "for"
            fields = {
                "for": ("count",),
                "forEach": ("collection",),
                "while": ("while",),
                "doWhile": ("do_while", "count"),
            }
            if not isinstance(kind, str) or kind not in fields:
                data |= own
            else:
                stored = {**own, "while": own.get("whileCondition"), "do_while": own.get("doWhileCondition")}
                content = {key: stored[key] for key in fields[kind] if stored.get(key) is not None}
                if kind != "for":
                    content.setdefault(fields[kind][0], "")
        elif block.type == "parallel":
            kind = own.get("parallelType") or "count"
            fields_of = {"count": "count", "collection": "collection"}
            if not isinstance(kind, str) or kind not in fields_of:
                data |= own
            else:
                if own.get(kind) is not None:
                    content[kind] = own[kind]
                elif kind == "collection":
                    content[kind] = ""
                if own.get("batchSize") not in (None, _BATCH_SIZE):
                    content["batchSize"] = own["batchSize"]
        if block.parent_id is not None and block.id in self._outline.children.get(None, ()):
            data["parentId"] = block.parent_id
        if data:
            content["blockData"] = data
        return content

    def _settings(self, block: Block) -> JsonObject:
        spec = self._outline.catalog.spec(block.type)
        known = {setting.id: setting for setting in spec.sub_blocks} if spec else {}
        order = [
            *(key for key in known if key in block.sub_blocks),
            *(key for key in block.sub_blocks if key not in known),
        ]
        reserved = {*BLOCK_KEYS, *CONTAINER_KEYS.get(block.type, ()), BRANCHING.get(block.type)}
        values = {key: block.value(key) for key in order if block.value(key) is not None}
        if self._outline.short_branches.get(block.id) is not None:
            values.pop(BRANCHING[block.type], None)
        short: JsonObject = {}
        verbatim: JsonObject = {}
        for key, value in values.items():
            form = forms.form_of(known.get(key))
            name = "inputs" if key == "inputFormat" and known else key
            if key not in known or (key in reserved and name == key):
                verbatim[key] = value
            elif form is None:
                short[key] = value
            elif not isinstance(found := _short(form, value, known[key].type), Missing):
                short[name] = found
            elif form.expand(value) is MISSING and name == key:
                short[key] = value
            else:
                verbatim[key] = value
        self._drop_implied(block, spec, short, values, verbatim)
        first = {"inputs": short.pop("inputs")} if "inputs" in short else {}
        return {**first, **short, **({"settings": verbatim} if verbatim else {})}

    @staticmethod
    def _drop_implied(
        block: Block, spec: BlockSpec | None, short: JsonObject, values: JsonObject, verbatim: JsonObject
    ) -> None:
        """Leave out settings that a reader adds, and prevent it from adding others that the block does not have."""
        if block.type == "response" and ("data" in short or "data" in verbatim):
            if short.get("dataMode") == "json":
                del short["dataMode"]
            elif "dataMode" not in values:
                verbatim["dataMode"] = None
        if spec is None or "escapeValues" not in {setting.id for setting in spec.sub_blocks}:
            return
        for key in ("data", "body"):
            if isinstance(short.get(key), list | dict):
                if values.get("escapeValues") is True:
                    short.pop("escapeValues", None)
                elif "escapeValues" not in values:
                    short[key] = values[key]

    def _branches(self, block: Block, ways: Ways) -> list[Json] | None:
        short = self._outline.short_branches.get(block.id)
        if short is None:
            return None
        found: list[Json] = []
        for branch, handle in zip(short, branch_handles(block), strict=True):
            targets = ways.branches.get(handle, [])
            to: Json = targets[0] if len(targets) == 1 else list(targets)
            is_else = "else" in branch and branch["else"] is None
            full = {**branch, ("else" if is_else else "next"): to} if targets else branch
            order = ("if", "else if", "else", "route", "when", "next", "id")
            found.append({key: full[key] for key in order if key in full})
        return found


def _short(form: forms.Form, stored: Json, kind: str) -> Json | Missing:
    if kind != "table":
        return forms.shortened(form, stored)
    short = form.shorten(stored)
    rows = MISSING if isinstance(short, Missing) else form.expand(short)
    if isinstance(rows, Missing) or forms.table_rows(rows) != forms.table_rows(stored):
        return MISSING
    return short


def _layout(raw: JsonObject) -> JsonObject:
    position, data = object_of(raw.get("position")), object_of(raw.get("data"))
    layout = [position.get("x"), position.get("y")]
    size = [data.get("width"), data.get("height")]
    if all(isinstance(each, int | float) for each in size):
        layout += size
    return {"layout": layout} if all(isinstance(each, int | float) for each in layout) else {}
