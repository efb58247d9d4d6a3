"""Blocks of a workflow file: their keys, ids and nesting."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.files import forms
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.names import BLOCKS_SYNONYMS, CONTAINER_KEYS, TYPE_ALIASES, block_id
from shared.workflow.files.outdented_keys import indent_children, indent_settings
from shared.workflow.files.yaml_reader import Path
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import did_you_mean

MOST_BLOCKS: Final = 2_000
_MOST_LISTED: Final = 10
_TYPE_WORDS: Final = ("type", "kind", "block", "block_type", "blocktype", "uses")
UNREAD: Final = "?"
"""Type of a block that cannot be read. Others may name it."""


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
    children: list[str] = field(default_factory=list)
    branches: list[forms.Branch] = field(default_factory=list)

    @property
    def is_trigger(self) -> bool:
        """Whether a run can start here."""
        return (self.spec is not None and self.spec.is_trigger) or self.given.get("triggerMode") is True

    @property
    def next_handle(self) -> str:
        """Handle of the edges to the blocks that follow."""
        return f"{self.type}-end-source" if self.type in CONTAINER_KEYS else "source"


class FileBlocks:
    """All blocks of one file, by key."""

    def __init__(self, catalog: Catalog, base: JsonObject, problems: FileProblems, types: Mapping[str, str]) -> None:
        self._catalog = catalog
        self._base = _by_name(base)
        self._problems = problems
        self._types = {**TYPE_ALIASES, **types}
        self._ids: set[str] = set()
        self._by_spelling: dict[str, list[FileBlock]] = {}
        self._top: list[str] = []
        self.by_key: dict[str, FileBlock] = {}
        self.unread: set[str] = set()
        """Ids of the blocks of no type."""

    def __iter__(self) -> Iterator[FileBlock]:
        return iter(self.by_key.values())

    def declare(self, blocks: JsonObject, path: Path) -> None:
        """Add the blocks of the file, which are at `path`, and report those that cannot be added."""
        self._top = self._declare(blocks, path, None)

    def levels(self) -> Iterator[list[str]]:
        """Yield the keys of the outermost blocks, and those inside each container."""
        yield self._top
        yield from (block.children for block in self if block.children)

    def find(self, name: Json) -> FileBlock | None:
        """Return the block with this key, in any spelling if only one matches."""
        if not isinstance(name, str):
            name = to_string(name)
        if name in self.by_key:
            return self.by_key[name]
        same = self._by_spelling.get(normalize_name(name), [])
        return same[0] if len(same) == 1 else None

    def targets(self, given: Json, path: Path) -> list[FileBlock]:
        """Return the named blocks, and report the names that match none."""
        names = given if isinstance(given, list) else [] if given is None else [given]
        found: list[FileBlock] = []
        for name in names:
            block = self.find(name)
            if block is None:
                key = path[-1] if isinstance(path[-1], str) else "next"
                if isinstance(name, dict | list):
                    inner = object_of(name)
                    meant = f"else: {to_string(inner['next'])}" if list(inner) == ["next"] else None
                    hint = f".{did_you_mean(meant)}" if meant and isinstance(path[-1], int) else ""
                    self._problems.report(f"{key} must be the name of a block, or a list of names{hint}", path)
                    continue
                meant = self._problems.nearest(to_string(name), self.by_key)
                message = f'{key} names "{to_string(name)}", but no block has this name.'
                if meant is None and self._problems.has_lost_block:
                    continue  # probably that block: another one has its name
                hint = did_you_mean(meant) or f" Use one of: {', '.join(islice(self.by_key, _MOST_LISTED))}."
                if key == "next" and to_string(name).lower() in ("end", "none", "stop", "finish", "exit"):
                    hint = " To end here, write next: []"
                elif isinstance(path[-1], int) and re.search(r"[<>=]", to_string(name)):
                    hint = ' An else has no condition. Did you mean "else if"?'
                elif "," in to_string(name):
                    hint = f" Write a list: [{to_string(name)}]"
                elif key == "on_error" and to_string(name).lower() in ("continue", "ignore", "skip", "stop", "true"):
                    hint = " Name the block that runs after an error"
                self._problems.report(f"{message}{hint}", path, suggestion=meant)
                continue
            found.append(block)
        return found

    def around(self, path: Path) -> FileBlock | None:
        """Return the innermost block with something at this path; None outside of blocks."""
        inside = [block for block in self if block.path == path[: len(block.path)] != path]
        return max(inside, key=lambda block: len(block.path), default=None)

    def in_draft(self, block: FileBlock) -> JsonObject:
        """Return the draft's block with the same name, or an empty mapping."""
        return self._base.get(normalize_name(block.name), {})

    def _declare(self, blocks: JsonObject, path: Path, parent: FileBlock | None) -> list[str]:
        keys: list[str] = []
        for key, stored in indent_settings(blocks, path, self._catalog, self._problems).items():
            at = (*path, key)
            if key in self.by_key:
                self._problems.report(f'There are two blocks "{key}"', at)
                continue
            is_ambiguous = at in self._problems.paths  # two blocks have this name
            kind, given = UNREAD if is_ambiguous else self._type(key, stored, at), object_of(stored)
            given = indent_children(given, at, self._problems) if kind in CONTAINER_KEYS else given
            name = to_string(given.get("name") or key)
            known = self._base.get(normalize_name(name), {})
            block = FileBlock(
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
                self._problems.report(f'Block "{key}" has the id of another block: {block.id}', at)
                block.id = block_id(f"{block.id}:{key}")
            if kind == UNREAD:
                self.unread.add(block.id)
            if len(self.by_key) >= MOST_BLOCKS:
                self._problems.report(f"The file has more than {MOST_BLOCKS:,} blocks", at)
                return keys
            self.by_key[key] = block
            self._ids.add(block.id)
            self._by_spelling.setdefault(normalize_name(key), []).append(block)
            keys.append(key)
            if kind in CONTAINER_KEYS:
                inner = next((each for each in ("blocks", *BLOCKS_SYNONYMS) if given.get(each)), "blocks")
                inside = self._problems.mapping(given.get(inner), (*at, inner), inner)
                block.children = self._declare(inside, (*at, inner), block)
            elif given.get("blocks") and kind != UNREAD:
                message = f'Block "{key}" is no loop or parallel, so no blocks are inside it'
                self._problems.report(message, (*at, "blocks"))
        return keys

    def _type(self, key: str, given: Json, at: Path) -> str:
        """Return the type of a block, UNREAD after reporting that it has none."""
        kind = object_of(given).get("type")
        if kind == "router" and "branches" in object_of(given):
            self._problems.report(f'Block "{key}" has branches, so its type must be router_v2', (*at, "type"))
            return "router_v2"
        if isinstance(kind, str) and kind:
            return self._types.get(kind, kind)
        near = next((each for each in object_of(given) if each.lower() in _TYPE_WORDS), None)
        fix = f'Write type instead of "{near}"' if near else "Add type, such as type: function"
        cause = f"has no type. {fix}" if isinstance(given, dict) else "must be a mapping with the key type"
        if isinstance(given, str) and given.startswith("type:"):
            cause = 'has no type, because "type:" has no space after it. Add one'
        self._problems.report(f'Block "{key}" {cause}', at)
        return UNREAD


def _by_name(state: JsonObject) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for block in object_of(state.get("blocks")).values():
        named = object_of(block)
        found.setdefault(normalize_name(to_string(named.get("name") or named.get("type") or "")), named)
    return found
