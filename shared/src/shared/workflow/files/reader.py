"""Read a workflow file into a draft's state, with every problem of the file and its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec, installed_catalog
from shared.workflow.files import forms
from shared.workflow.files.layout import arrange
from shared.workflow.files.names import (
    BLOCK_KEYS,
    BRANCHING,
    FLAGS,
    TERMINAL,
    TYPE_ALIASES,
    block_id,
    edge_id,
    variable_id,
)
from shared.workflow.files.yaml_reader import Document, Mark, Path, YamlError, read_yaml
from shared.workflow.format.js_values import MISSING, Json, JsonObject, object_of, to_string
from shared.workflow.format.names import normalize_name
from shared.workflow.format.suggestions import did_you_mean, nearest, one_of

TOP_KEYS: Final = ("name", "description", "variables", "blocks", "edges")
MOST_BLOCKS: Final = 2_000
MOST_SEARCHES: Final = 200
_EDGE_KEYS: Final = ("from", "handle", "to", "into")
_LOOP_KINDS: Final = {"collection": "forEach", "while": "while", "do_while": "doWhile"}
_CONTAINER_KEYS: Final = {
    "loop": ("count", "collection", "while", "do_while"),
    "parallel": ("count", "collection", "batchSize"),
}
_STORED_CONDITIONS: Final = {"while": "whileCondition", "do_while": "doWhileCondition"}
_VARIABLE_TYPES: Final = (
    (bool, "boolean"),
    (int | float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
_INPUT_KEYS: Final = ("type", "default", "description", "required", "id", "collapsed", "label", "placeholder")
_RETRY_RANGES: Final[Mapping[str, tuple[int, int]]] = {"maxTries": (2, 5), "waitBetweenTriesMs": (0, 5000)}
_ALIASES: Final = {"inputs": "inputFormat"}
"""Keys of files for settings."""


@dataclass(slots=True)
class WorkflowFile:
    """A workflow file, read."""

    name: str | None
    description: str | None
    state: JsonObject
    problems: list[Problem] = field(default_factory=list)
    """What the file itself has wrong; `line` is the file's."""
    warnings: list[Problem] = field(default_factory=list)
    """What it says that has no effect; `line` is the file's."""
    document: Document = field(default_factory=lambda: Document(None))
    paths: dict[str, Path] = field(default_factory=dict)
    """Where each block is, by id."""

    def line_of(self, problem: Problem) -> int | None:
        """Return the line of the block and setting that a problem of the workflow names."""
        path = self.paths.get(problem.block_id or "")
        if path is None:
            return None
        fields = (_FILE_KEYS.get(name, name) for name in problem.fields)
        for key in (*fields, *problem.fields):
            for inner in ((key,), ("settings", key), ("blockData", key)):
                if mark := self.document.marks.get((*path, *inner)):
                    return mark.line
        mark = self.document.mark(path)
        return mark.line if mark else None


_FILE_KEYS: Final = {
    "inputFormat": "inputs",
    "conditions": "branches",
    "routes": "branches",
    "edges": "next",
    "whileCondition": "while",
    "doWhileCondition": "do_while",
    "Model": "model",
    "API Key": "apiKey",
}


def read_file(text: str, *, catalog: Catalog | None = None, base: JsonObject | None = None) -> WorkflowFile:
    """Read a YAML workflow file. Blocks keep id and position of the block with the same name in `base`, a state."""
    try:
        document = read_yaml(text)
    except YamlError as error:
        return WorkflowFile(None, None, _EMPTY, [_problem(error.message, error.mark)])
    return _Reader(document, catalog or installed_catalog(), base or {}).read()


_EMPTY: Final[JsonObject] = {"blocks": {}, "edges": [], "loops": {}, "parallels": {}, "variables": {}}


@dataclass(slots=True)
class _Block:
    """One block of the file."""

    key: str
    id: str
    type: str
    name: str
    spec: BlockSpec | None
    given: JsonObject
    path: Path
    parent: "_Block | None"
    children: list[str] = field(default_factory=list)
    branches: list[forms.Branch] = field(default_factory=list)

    @property
    def is_trigger(self) -> bool:
        return (self.spec is not None and self.spec.is_trigger) or self.given.get("triggerMode") is True

    @property
    def next_handle(self) -> str:
        return f"{self.type}-end-source" if self.type in _CONTAINER_KEYS else "source"


class _Reader:
    def __init__(self, document: Document, catalog: Catalog, base: JsonObject) -> None:
        self._document = document
        self._catalog = catalog
        self._base = _by_name(base)
        self._base_variables = _variables_by_name(base)
        self._blocks: dict[str, _Block] = {}
        self._ids: set[str] = set()
        self._by_spelling: dict[str, list[_Block]] = {}
        self._top: list[str] = []
        self._edges: list[tuple[str, str | None, str, str | None]] = []
        self._named: set[str] = set()
        """Blocks that another one names as its successor."""
        self._searches = 0
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []

    def read(self) -> WorkflowFile:
        top = self._document.value
        for path, mark in self._document.duplicates:
            self._problems.append(_problem(f'"{path[-1]}" is written twice', mark))
        if not isinstance(top, dict):
            self._report("A workflow file is a mapping with the key blocks", ())
            return WorkflowFile(None, None, _EMPTY, self._problems, document=self._document)
        self._check_keys(top, TOP_KEYS, (), "a workflow file")
        blocks = self._mapping(top.get("blocks"), ("blocks",), "blocks", required=True)
        self._top = self._declare(blocks, ("blocks",), None)
        stored = {block.id: self._stored(block) for block in self._blocks.values()}
        self._connect(top.get("edges"))
        arrange(stored, [(source, target) for source, _, target, _ in self._edges])
        state: JsonObject = {
            "blocks": dict(stored),
            "edges": self._stored_edges(),
            "loops": {},
            "parallels": {},
            "variables": self._variables(self._mapping(top.get("variables"), ("variables",), "variables")),
        }
        paths = {block.id: block.path for block in self._blocks.values()}
        name, description = top.get("name"), top.get("description")
        return WorkflowFile(
            to_string(name) if name is not None else None,
            to_string(description) if description is not None else None,
            state,
            self._problems,
            self._warnings,
            self._document,
            paths,
        )

    # Blocks

    def _declare(self, blocks: JsonObject, path: Path, parent: _Block | None) -> list[str]:
        keys: list[str] = []
        for key, given in blocks.items():
            at = (*path, key)
            if not isinstance(given, dict):
                self._report(f'Block "{key}" must be a mapping with the key type', at)
                continue
            if key in self._blocks:
                self._report(f'There are two blocks "{key}"', at)
                continue
            kind = given.get("type")
            if not isinstance(kind, str) or not kind:
                self._report(f'Block "{key}" has no type', at)
                continue
            kind = TYPE_ALIASES.get(kind, kind)
            name = to_string(given.get("name") or key)
            known = self._base.get(normalize_name(name), {})
            block = _Block(
                key=key,
                id=to_string(given.get("id") or known.get("id") or block_id(key)),
                type=kind,
                name=name,
                spec=self._catalog.spec(kind),
                given=given,
                path=at,
                parent=parent,
            )
            if block.id in self._ids:
                self._report(f'Block "{key}" has the id of another block: {block.id}', at)
                continue
            if len(self._blocks) >= MOST_BLOCKS:
                self._report(f"The file has more than {MOST_BLOCKS:,} blocks", at)
                return keys
            self._blocks[key] = block
            self._ids.add(block.id)
            self._by_spelling.setdefault(normalize_name(key), []).append(block)
            keys.append(key)
            if inner := given.get("blocks"):
                if kind in _CONTAINER_KEYS:
                    inside = self._mapping(inner, (*at, "blocks"), "blocks")
                    block.children = self._declare(inside, (*at, "blocks"), block)
                else:
                    self._report(f'Block "{key}" is no loop or parallel, so no blocks are inside it', (*at, "blocks"))
        return keys

    def _stored(self, block: _Block) -> JsonObject:
        given = block.given
        known = self._base.get(normalize_name(block.name), {})
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
        if isinstance(retry, dict):
            self._check_retry(block, retry)
            stored["retry"] = {"enabled": True, **retry}
        elif retry is not None:
            self._report("retry must be a mapping with maxTries and waitBetweenTriesMs", (*block.path, "retry"))
        layout = given.get("layout")
        if isinstance(layout, list) and len(layout) in (2, 4) and all(_is_number(each) for each in layout):
            stored["position"] = {"x": layout[0], "y": layout[1]}
            if len(layout) == 4:
                object_of(stored["data"]).update(width=layout[2], height=layout[3])
        elif layout is not None:
            self._report("layout must be [x, y] or [x, y, width, height]", (*block.path, "layout"))
        elif isinstance(known.get("position"), dict):
            stored["position"] = known["position"]
            sizes = {key: size for key, size in object_of(known.get("data")).items() if key in ("width", "height")}
            object_of(stored["data"]).update(sizes)
        return stored

    def _settings(self, block: _Block) -> JsonObject:
        settings: dict[str, SubBlockSpec] = {each.id: each for each in block.spec.sub_blocks} if block.spec else {}
        structural = (*BLOCK_KEYS, *_CONTAINER_KEYS.get(block.type, ()))
        values: JsonObject = {}
        for key, given in block.given.items():
            setting_id = _ALIASES.get(key, key)
            if key in structural and key not in _ALIASES:
                continue
            if setting_id not in settings and self._is_misspelled(key, settings, structural, block):
                continue
            values[setting_id] = self._value(block, key, settings.get(setting_id), given)
        if block.type in _CONTAINER_KEYS:
            for key in values:
                known = (*_CONTAINER_KEYS[block.type], "blocks")
                self._warn(block, key, f'a {block.type} has no "{key}"; it is ignored.{one_of(key, known)}')
        verbatim = self._mapping(block.given.get("settings"), (*block.path, "settings"), "settings")
        values |= verbatim
        self._add_branches(block, values)
        if "data" in values and block.type == "response":
            values.setdefault("dataMode", "json")
        for key in ("data", "body"):
            if isinstance(block.given.get(key), list | dict) and "escapeValues" in settings and key in values:
                values.setdefault("escapeValues", True)
        return {
            key: {"id": key, "type": settings[key].type if key in settings else "short-input", "value": value}
            for key, value in values.items()
        }

    def _is_misspelled(
        self, key: str, settings: Mapping[str, SubBlockSpec], structural: Iterable[str], block: _Block
    ) -> bool:
        """Report a key that is probably one of the file's own. Other unknown keys are settings, with a warning."""
        meant = self._nearest(key, [*structural, *settings])
        if meant is None or meant in settings:
            return False
        self._report(f'Block "{block.key}" has the unknown key "{key}".{did_you_mean(meant)}', (*block.path, key))
        return True

    def _value(self, block: _Block, key: str, setting: SubBlockSpec | None, given: Json) -> Json:
        form = forms.form_of(setting)
        if form is None:
            return given
        stored = form.expand(given)
        if key == "inputs":
            self._check_inputs(block, object_of(given))
        if stored is not MISSING:
            return stored
        if key == "inputs":
            self._report("inputs must be a mapping of names to types", (*block.path, key))
            return []
        return given

    def _add_branches(self, block: _Block, values: JsonObject) -> None:
        given = block.given.get("branches")
        setting = BRANCHING.get(block.type)
        at = (*block.path, "branches")
        if given is None:
            return
        if setting is None:
            self._report(f'Block "{block.key}" has branches, but its type is {block.type}', at)
            return
        branches = forms.expand_branches(block.type, block.id, given)
        if branches is None:
            shape = "if, else if or else" if block.type == "condition" else "route and when"
            self._report(f"branches must be a list of mappings with {shape}", at)
            return
        for index, each in enumerate(given if isinstance(given, list) else ()):
            self._check_keys(object_of(each), _BRANCH_KEYS[block.type], (*at, index), "a branch")
        block.branches = branches
        values[setting] = forms.branches_text(branches)

    def _data(self, block: _Block) -> JsonObject:
        given = block.given
        data: JsonObject = {}
        if block.parent is not None:
            data |= {"parentId": block.parent.id, "extent": "parent"}
        if block.type == "loop":
            kinds = [kind for key, kind in _LOOP_KINDS.items() if key in given]
            data["loopType"] = kinds[0] if kinds else "for"
        elif block.type == "parallel":
            data["parallelType"] = "collection" if "collection" in given else "count"
        for key in _CONTAINER_KEYS.get(block.type, ()):
            if key in given:
                data[_STORED_CONDITIONS.get(key, key)] = given[key]
        return data | self._mapping(given.get("blockData"), (*block.path, "blockData"), "blockData")

    # Edges

    def _connect(self, listed: Json) -> None:
        explicit = listed is not None
        for block in self._blocks.values():
            self._connect_block(block)
        if isinstance(listed, list):
            self._connect_listed(listed)
        elif listed is not None:
            self._report("edges must be a list", ("edges",))
        if not explicit:
            implied = [edge for keys in self._levels() for edge in self._implied(keys)]
            self._edges.extend(implied)
        for block in self._blocks.values():
            self._connect_start(block, implied_too=not explicit)
        order = {block.id: number for number, block in enumerate(self._blocks.values())}
        if not explicit:
            self._edges.sort(key=lambda edge: order.get(edge[0], 0))

    def _connect_block(self, block: _Block) -> None:
        given, path = block.given, block.path
        for target in self._targets(given.get("next"), (*path, "next")):
            handle = f"router-{target}" if block.type == "router" else block.next_handle
            self._edges.append((block.id, handle, target, "target"))
        for number, branch in enumerate(block.branches):
            prefix = "condition" if block.type == "condition" else "router"
            for target in self._targets(branch.targets, (*path, "branches", number)):
                self._edges.append((block.id, f"{prefix}-{to_string(branch.entry['id'])}", target, "target"))
        for target in self._targets(given.get("on_error"), (*path, "on_error")):
            self._edges.append((block.id, "error", target, "target"))

    def _connect_listed(self, listed: list[Json]) -> None:
        for number, each in enumerate(listed):
            path = ("edges", number)
            given = object_of(each)
            self._check_keys(given, _EDGE_KEYS, path, "an edge")
            ends = [self._end(given.get(end)) for end in ("from", "to")]
            if None in ends:
                self._report("an edge needs from and to", path)
                continue
            handle, into = given.get("handle"), given.get("into", "target")
            self._edges.append(
                (
                    ends[0] or "",
                    to_string(handle) if handle is not None else None,
                    ends[1] or "",
                    to_string(into) if into is not None else None,
                )
            )

    def _connect_start(self, block: _Block, *, implied_too: bool) -> None:
        if block.type not in _CONTAINER_KEYS:
            return
        if "start" in block.given:
            entries = self._targets(block.given["start"], (*block.path, "start"))
        elif implied_too:
            ids = [self._blocks[key].id for key in block.children if self._blocks[key].type != "note"]
            entered = {target for source, _, target, _ in self._edges if source in ids}
            entries = [each for each in ids if each not in entered]
        else:
            return
        self._edges.extend((block.id, f"{block.type}-start-source", target, "target") for target in entries)

    def _levels(self) -> Iterator[list[str]]:
        yield self._top
        yield from (block.children for block in self._blocks.values() if block.children)

    def _implied(self, keys: list[str]) -> Iterator[tuple[str, str | None, str, str | None]]:
        """Yield the edges that follow from the order: a block that none names follows the one above it."""
        blocks = [self._blocks[key] for key in keys if self._blocks[key].type != "note"]
        for above, block in pairwise(blocks):
            is_followed = "next" not in above.given and above.type not in TERMINAL
            if is_followed and block.id not in self._named and not block.is_trigger:
                yield above.id, above.next_handle, block.id, "target"

    def _targets(self, given: Json, path: Path) -> list[str]:
        """Return the ids of the named blocks, and report the names that match none."""
        names = given if isinstance(given, list) else [] if given is None else [given]
        found: list[str] = []
        for name in names:
            block = self._find(name)
            if block is None:
                meant = self._nearest(to_string(name), self._blocks)
                message = f'{path[-1] if isinstance(path[-1], str) else "next"} names "{to_string(name)}"'
                self._report(f"{message}, which is no block.{did_you_mean(meant)}", path, suggestion=meant)
                continue
            self._named.add(block.id)
            found.append(block.id)
        return found

    def _find(self, name: Json) -> _Block | None:
        if not isinstance(name, str):
            name = to_string(name)
        if name in self._blocks:
            return self._blocks[name]
        same = self._by_spelling.get(normalize_name(name), [])
        return same[0] if len(same) == 1 else None

    def _end(self, name: Json) -> str | None:
        if name in (None, ""):
            return None
        block = self._find(name)
        return block.id if block else to_string(name)

    def _stored_edges(self) -> list[Json]:
        stored: list[Json] = []
        used: set[str] = set()
        for source, handle, target, into in self._edges:
            key = edge_id(source, handle, f"{target}:{into}" if into != "target" else target)
            while key in used:
                key = edge_id(key, handle, target)
            used.add(key)
            stored.append({"id": key, "source": source, "target": target, "sourceHandle": handle, "targetHandle": into})
        return stored

    # Variables

    def _variables(self, given: JsonObject) -> JsonObject:
        stored: JsonObject = {}
        for key, value in given.items():
            is_full = isinstance(value, dict) and ("type" in value or "value" in value)
            spec = dict(value) if is_full and isinstance(value, dict) else {"value": value}
            name = to_string(spec.get("name") or key)
            known = self._base_variables.get(name)
            identity = to_string(spec.get("id") or known or variable_id(key))
            inferred = next((kind for types, kind in _VARIABLE_TYPES if isinstance(spec.get("value"), types)), "plain")
            stored[identity] = {
                "id": identity,
                "name": name,
                "type": spec.get("type", inferred),
                "value": spec.get("value"),
            }
        return stored

    # Problems

    def _nearest(self, word: str, candidates: Iterable[str]) -> str | None:
        """Return the nearest candidate, for the first mistakes of a file: each search takes time."""
        self._searches += 1
        return nearest(word, candidates) if self._searches <= MOST_SEARCHES else None

    def _check_inputs(self, block: _Block, given: JsonObject) -> None:
        for name, spec in given.items():
            for key in object_of(spec):
                if key not in _INPUT_KEYS and (meant := self._nearest(key, _INPUT_KEYS)):
                    self._warn(block, ("inputs", name, key), f'the input "{name}" has no "{key}".{did_you_mean(meant)}')

    def _check_retry(self, block: _Block, retry: JsonObject) -> None:
        for key, value in retry.items():
            if key == "enabled":
                continue
            if key not in _RETRY_RANGES:
                self._warn(block, ("retry", key), f'retry has no "{key}".{one_of(key, _RETRY_RANGES)}')
            elif not _is_number(value) or not _RETRY_RANGES[key][0] <= value <= _RETRY_RANGES[key][1]:  # type: ignore[operator]
                low, high = _RETRY_RANGES[key]
                self._warn(block, ("retry", key), f"{key} must be a number from {low} to {high}")

    def _warn(self, block: _Block, at: str | Path, message: str) -> None:
        path = (at,) if isinstance(at, str) else at
        mark = self._document.mark((*block.path, *path))
        end = "" if message.endswith((".", "?")) else "."
        self._warnings.append(
            Problem(
                severity=Severity.WARNING,
                code=ProblemCode.INVALID_SETTING,
                message=f"{block.name}: {message}{end}",
                block_id=block.id,
                block_name=block.name,
                fields=(str(path[0]),),
                line=mark.line if mark else None,
            )
        )

    def _mapping(self, given: Json, path: Path, what: str, *, required: bool = False) -> JsonObject:
        if isinstance(given, dict):
            return given
        if required and given is None:
            self._report("The file has no blocks", ())
        elif given is not None:
            self._report(f"{what} must be a mapping", path)
        return {}

    def _check_keys(self, given: JsonObject, known: Iterable[str], path: Path, what: str) -> None:
        for key in given:
            if key not in known:
                meant = self._nearest(key, known)
                hint = did_you_mean(meant) or f" Use one of: {', '.join(known)}."
                self._report(f'"{key}" is no key of {what}.{hint}', (*path, key), suggestion=meant)

    def _report(self, message: str, path: Path, *, suggestion: str | None = None) -> None:
        self._problems.append(_problem(message, self._document.mark(path), suggestion))


_BRANCH_KEYS: Final = {
    "condition": ("if", "else if", "else", "next", "id"),
    "router_v2": ("route", "when", "next", "id"),
}


def _problem(message: str, mark: Mark | None, suggestion: str | None = None) -> Problem:
    end = "" if message.endswith((".", "?")) else "."
    return Problem(
        severity=Severity.ERROR,
        code=ProblemCode.INVALID_FILE,
        message=f"{message}{end}",
        line=mark.line if mark else 1,
        column=mark.column if mark else None,
        suggestion=suggestion,
    )


def _by_name(state: JsonObject) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for block in object_of(state.get("blocks")).values():
        named = object_of(block)
        found.setdefault(normalize_name(to_string(named.get("name") or named.get("type") or "")), named)
    return found


def _variables_by_name(state: JsonObject) -> dict[str, str]:
    variables = (object_of(each) for each in object_of(state.get("variables")).values())
    return {to_string(each.get("name")): to_string(each.get("id")) for each in variables if each.get("id")}


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
