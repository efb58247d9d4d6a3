"""Read a workflow file into a draft's state, with every problem of the file and its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Final

from jsonschema import Draft7Validator

from shared.workflow.catalog import BlockSpec, Catalog, installed_catalog
from shared.workflow.files import forms
from shared.workflow.files.edges import EdgeReader
from shared.workflow.files.layout import arrange
from shared.workflow.files.names import (
    BLOCK_KEYS,
    BRANCHING,
    CONTAINER_KEYS,
    FLAGS,
    TYPE_ALIASES,
    block_id,
    variable_id,
)
from shared.workflow.files.schema import block_problems, block_validator, top_problems
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.files.yaml_text import MAX_BYTES, Path, YamlError, read_yaml
from shared.workflow.format.js_values import MISSING, Json, JsonObject, object_of, to_string
from shared.workflow.format.references import normalize_name

MOST_BLOCKS: Final = 2_000
_CONTROL_OR_LINE_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STORED_DATA: Final = {"while": "whileCondition", "do_while": "doWhileCondition"}
_LOOP_KINDS: Final = {"collection": "forEach", "while": "while", "do_while": "doWhile"}
_VARIABLE_TYPES: Final = (
    (bool, "boolean"),
    (int | float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


@dataclass(slots=True)
class FileBlock:
    """One block of the file."""

    key: str
    id: str
    type: str
    name: str
    spec: BlockSpec | None
    given: JsonObject
    path: Path
    parent: "FileBlock | None"
    known: JsonObject
    """The draft's block of the same name; empty if there is none."""
    children: "list[FileBlock]" = field(default_factory=list)
    branches: list[forms.Branch] = field(default_factory=list)

    @property
    def is_trigger(self) -> bool:
        """Whether a run can start here."""
        return (self.spec is not None and self.spec.is_trigger) or self.given.get("triggerMode") is True


def read_file(
    text: str, *, catalog: Catalog | None = None, base: JsonObject | None = None, folder: FilePath | None = None
) -> WorkflowFile:
    """Read a YAML workflow file. A file with problems has an empty state.

    Blocks keep id and position of the block with the same name in `base`, a state; edges keep the id of the same edge.
    `folder` is where the file is: only then may it name files that hold code.
    """
    found = WorkflowFile()
    try:
        found.document = read_yaml(text)
    except YamlError as error:
        found.report_at(error.message, error.mark)
        return found
    _Reader(found, catalog or installed_catalog(), base or {}, folder).read()
    return found


class _Reader:
    def __init__(self, found: WorkflowFile, catalog: Catalog, base: JsonObject, folder: FilePath | None) -> None:
        self._found = found
        self._catalog = catalog
        self._base = base
        self._folder = folder
        self._drafted: dict[str, JsonObject] = {}
        for each in map(object_of, object_of(base.get("blocks")).values()):
            self._drafted.setdefault(normalize_name(to_string(each.get("name") or each.get("type") or "")), each)
        self._blocks: dict[str, FileBlock] = {}
        self._code_size = 0
        self._validators: dict[str, Draft7Validator] = {}

    def read(self) -> None:
        """Fill the file from its document."""
        top = self._found.document.value
        if not isinstance(top, dict):
            self._found.report("A workflow file is a mapping with the key blocks", ())
            return
        for path, message in top_problems(top):
            self._found.report(message, path)
        self._check_texts(top)
        level = self._declare(object_of(top.get("blocks")), ("blocks",), None)
        if self._found.problems:
            return
        stored = {block.id: self._stored(block) for block in self._blocks.values()}
        edges = EdgeReader(self._blocks, level, self._found)
        edges.read(top.get("edges"))
        if self._found.problems:
            return
        arrange(stored, [(edge.source, edge.target) for edge in edges.edges])
        self._found.state = {
            "blocks": dict(stored),
            "edges": list(edges.stored(object_of(top.get("edgeIds")), self._base)),
            "loops": {},
            "parallels": {},
            "variables": self._variables(object_of(top.get("variables"))),
        }
        self._found.paths = {block.id: block.path for block in self._blocks.values()}

    def _check_texts(self, top: JsonObject) -> None:
        name, description = top.get("name"), top.get("description")
        self._found.name = to_string(name) if name is not None else None
        self._found.description = to_string(description) if description is not None else None
        if name is not None and not to_string(name).strip():
            self._found.report("name is empty. Without the key, the name of the file applies", ("name",))
        elif isinstance(name, str) and _CONTROL_OR_LINE_BREAK.search(name):
            self._found.report("name has control characters or line breaks", ("name",))

    def _declare(self, blocks: JsonObject, path: Path, parent: FileBlock | None) -> list[FileBlock]:
        """Add the blocks at `path`, and return them."""
        level: list[FileBlock] = []
        ids = {block.id for block in self._blocks.values()}
        for key, value in blocks.items():
            at, given = (*path, key), object_of(value)
            kind = to_string(given.get("type") or "")
            kind = TYPE_ALIASES.get(kind, kind)
            if not kind or not isinstance(given.get("type"), str):
                cause = "has no type. Add one" if isinstance(value, dict) else "must be a mapping with the key type"
                self._found.report(f'Block "{key}" {cause}, such as type: function', at)
                continue
            name = to_string(given.get("name") or key)
            known = self._drafted.get(normalize_name(name), {})
            identity = to_string(given.get("id") or known.get("id") or block_id(key))
            if key in self._blocks or identity in ids:
                cause = f'There are two blocks "{key}"'
                if key not in self._blocks:
                    cause = f'Block "{key}" has the id of another block: {identity}'
                self._found.report(cause, at)
                continue
            if len(self._blocks) >= MOST_BLOCKS:
                self._found.report(f"The file has more than {MOST_BLOCKS:,} blocks", at)
                return level
            block = FileBlock(key, identity, kind, name, self._catalog.spec(kind), given, at, parent, known)
            ids.add(identity)
            self._blocks[key] = block
            level.append(block)
            for inner, message in self._problems(block):
                self._found.report(message, (*at, *inner))
            if kind in CONTAINER_KEYS:
                block.children = self._declare(object_of(given.get("blocks")), (*at, "blocks"), block)
                ids |= {each.id for each in self._blocks.values()}
        return level

    def _problems(self, block: FileBlock) -> Iterator[tuple[Path, str]]:
        if block.spec is not None:
            validator = self._validators.get(block.type) or block_validator(block.spec)
            self._validators[block.type] = validator
            yield from block_problems(block.spec, block.given, validator)

    def _stored(self, block: FileBlock) -> JsonObject:
        """Return the stored form of a block."""
        given, known = block.given, block.known
        data = self._data(block)
        stored: JsonObject = {
            "id": block.id,
            "type": block.type,
            "name": block.name,
            "enabled": given.get("enabled") is not False,
            "subBlocks": self._settings(block),
            "outputs": {},
            "data": data,
        }
        for flag, default in FLAGS.items():
            if (value := given.get(flag, known.get(flag))) is not None and (flag in given or value != default):
                stored[flag] = value
        if isinstance(retry := given.get("retry"), dict):
            stored["retry"] = {"enabled": True, **retry}
        layout = given.get("layout")
        if isinstance(layout, list) and len(layout) in (2, 4):
            stored["position"] = dict(zip("xy", layout[:2], strict=True))
            data.update(zip(("width", "height"), layout[2:], strict=False))
        elif isinstance(known.get("position"), dict):
            stored["position"] = known["position"]
            sizes = object_of(known.get("data"))
            data.update({key: sizes[key] for key in ("width", "height") if key in sizes})
        return stored

    def _data(self, block: FileBlock) -> JsonObject:
        given = block.given
        data: JsonObject = {}
        if block.parent is not None:
            data |= {"parentId": block.parent.id, "extent": "parent"}
        if block.type == "loop":
            data["loopType"] = next((kind for key, kind in _LOOP_KINDS.items() if key in given), "for")
        elif block.type == "parallel":
            data["parallelType"] = "collection" if "collection" in given else "count"
        for key in CONTAINER_KEYS.get(block.type, ()):
            if key in given:
                data[_STORED_DATA.get(key, key)] = given[key]
        return data | object_of(given.get("blockData"))

    def _settings(self, block: FileBlock) -> JsonObject:
        known = {each.id: each for each in block.spec.sub_blocks} if block.spec else {}
        structural = (*BLOCK_KEYS, *CONTAINER_KEYS.get(block.type, ()))
        values: JsonObject = {}
        for key, given in block.given.items():
            if key == "inputs" and ("inputFormat" in known or block.spec is None):
                values["inputFormat"] = self._value(block, key, forms.form_of(known.get("inputFormat")), given)
            elif key not in structural or (key == "inputs" and key in known):
                values[key] = self._value(block, key, forms.form_of(known.get(key)), given)
        verbatim = object_of(block.given.get("settings"))
        for key in verbatim.keys() & values.keys():
            message = f'"{key}" is written twice: at the block and under settings'
            self._found.report(message, (*block.path, "settings", key))
        values |= verbatim
        if (branches := block.given.get("branches")) is not None and block.type in BRANCHING:
            block.branches = forms.expand_branches(block.type, block.id, branches) or []
            for number, branch in enumerate(block.branches):
                if any(each.entry["id"] == branch.entry["id"] for each in block.branches[:number]):
                    message = f"branch {number + 1} is like one above it. Write one if, then else if, and one else"
                    self._found.report(message, (*block.path, "branches", number))
            values[BRANCHING[block.type]] = forms.branches_text(block.branches)
        if "data" in values and block.type == "response":
            values.setdefault("dataMode", "json")
        for key in ("data", "body"):
            if isinstance(block.given.get(key), list | dict) and "escapeValues" in known and key in values:
                values.setdefault("escapeValues", True)
        return {
            key: {"id": key, "type": known[key].type if key in known else "short-input", "value": value}
            for key, value in values.items()
        }

    def _value(self, block: FileBlock, key: str, form: forms.Form | None, given: Json) -> Json:
        if key in ("code", "tools"):
            return self._with_code(given, (*block.path, key), is_code=key == "code")
        stored = form.expand(given) if form else given
        return given if stored is MISSING else stored

    def _with_code(self, given: Json, path: Path, *, is_code: bool) -> Json:
        """Return the code of a function or of tools, where `{file: …}` is replaced by the content of that file."""
        if isinstance(given, list) and not is_code:
            return [
                {**tool, "code": self._with_code(tool["code"], (*path, index, "code"), is_code=True)}
                if isinstance(tool, dict) and "code" in tool
                else tool
                for index, tool in enumerate(given)
            ]
        if not (is_code and isinstance(given, dict) and set(given) == {"file"}):
            return given
        try:
            code, file = _read_code(self._folder, given["file"], MAX_BYTES - self._code_size)
        except (ValueError, OSError) as error:
            self._found.report(f"code: {error}", (*path, "file"))
            return ""
        self._code_size += len(code)
        self._found.code_files[path] = file
        return code

    def _variables(self, given: JsonObject) -> JsonObject:
        """Return the stored variables. Each keeps the id of the draft's variable with its name."""
        draft = map(object_of, object_of(self._base.get("variables")).values())
        known_ids = {to_string(each.get("name")): each["id"] for each in draft if each.get("id") is not None}
        stored: JsonObject = {}
        for key, value in given.items():
            is_full = isinstance(value, dict) and ("type" in value or "value" in value)
            spec = object_of(value) if is_full else {"value": value}
            name = to_string(key if spec.get("name") is None else spec["name"])
            ids = (spec.get("id"), known_ids.get(name), variable_id(key))
            identity = to_string(next(each for each in ids if each is not None))
            kind = spec.get("type", variable_type(spec.get("value")))
            stored[identity] = {"id": identity, "name": name, "type": kind, "value": spec.get("value")}
        return stored


def _read_code(folder: FilePath | None, name: Json, most: int) -> tuple[str, str]:
    """Return the content of a code file and its name.

    The file is inside of `folder`, also after symbolic links. Raises OSError, ValueError.
    """
    if folder is None:
        raise ValueError("a file can be read only where the workflow file is. Deploy it with flowport deploy")
    if not isinstance(name, str) or FilePath(name).is_absolute() or ".." in FilePath(name).parts or "\\" in name:
        raise ValueError(f'file must be a path inside the folder of the workflow file, not "{to_string(name)}"')
    root, file = folder.resolve(), (folder / name).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise ValueError(f'the folder of the workflow file has no file "{name}"')
    with file.open("rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"the files of a workflow have more than {MAX_BYTES:,} bytes")
    return content.decode(), name


def variable_type(value: Json) -> str:
    """Return the type of a variable that a file gives only as a value."""
    return next((kind for types, kind in _VARIABLE_TYPES if isinstance(value, types)), "plain")
