"""Read a workflow file into a draft's state, with every problem of the file and its line."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.files.block_reader import BlockReader
from shared.workflow.files.edge_reader import EdgeReader, stored_edges
from shared.workflow.files.file_blocks import FileBlocks
from shared.workflow.files.file_problems import FileProblems, file_problem
from shared.workflow.files.layout import arrange
from shared.workflow.files.lost_references import lost_references
from shared.workflow.files.names import variable_id
from shared.workflow.files.workflow_file import EMPTY_STATE, WorkflowFile
from shared.workflow.files.yaml_reader import Document, YamlError, read_yaml
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.suggestions import one_of

TOP_KEYS: Final = ("name", "description", "variables", "blocks", "edges", "edgeIds")
_CONTROL_OR_LINE_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MOST_LOST: Final = 50
"""Finding the block of each takes time."""
_VARIABLE_KEYS: Final = ("type", "value", "name", "id")
_VARIABLE_TYPES: Final = (
    (bool, "boolean"),
    (int | float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def read_file(
    text: str,
    *,
    catalog: Catalog | None = None,
    base: JsonObject | None = None,
    types: Mapping[str, str] | None = None,
) -> WorkflowFile:
    """Read a YAML workflow file. `types` maps unknown block types to those that are meant.

    Blocks keep id and position of the block with the same name in `base`, a state; edges keep the id of the same edge.
    """
    try:
        document = read_yaml(text)
    except YamlError as error:
        return WorkflowFile(None, None, EMPTY_STATE, [file_problem(error.message, error.mark)])
    return _read(text, document, catalog or installed_catalog(), base or {}, types or {})


def _read(text: str, document: Document, catalog: Catalog, base: JsonObject, types: Mapping[str, str]) -> WorkflowFile:
    problems = FileProblems(document)
    top = document.value
    if not isinstance(top, dict):
        problems.report("A workflow file is a mapping with the key blocks", ())
        return WorkflowFile(None, None, EMPTY_STATE, problems.errors, document=document)
    problems.check_keys(top, TOP_KEYS, (), "a workflow file")
    blocks = FileBlocks(catalog, base, problems, types)
    misspelled = (path[0] for path in problems.paths if problems.meant.get(path) == "blocks")
    key = "blocks" if "blocks" in top else str(next(misspelled, "blocks"))
    listed = problems.mapping(top.get(key), (key,), "blocks", required=True)
    for moved in ("variables", "edges"):
        if moved in listed and moved not in top and not object_of(listed[moved]).get("type"):
            problems.report(f'"{moved}" is a key of the file, not a block. Indent it less, like {key}', (key, moved))
            top = {**top, moved: listed[moved]}
            listed = {each: value for each, value in listed.items() if each != moved}
    blocks.declare(listed, (key,))
    block_reader = BlockReader(blocks, problems)
    stored = {block.id: block_reader.read(block) for block in blocks}
    for path, message in islice(lost_references(text, document, blocks), _MOST_LOST):
        if (block := blocks.around(path)) is not None:
            problems.warn(block.id, block.name, path, str(path[len(block.path)]), message)
    edge_reader = EdgeReader(blocks, problems)
    edges = edge_reader.read(top.get("edges"))
    arrange(stored, [(edge.source, edge.target) for edge in edges])
    found_edges = stored_edges(edges, edge_reader.ids(top.get("edgeIds")), base)
    state: JsonObject = {
        "blocks": dict(stored),
        "edges": [*found_edges],
        "loops": {},
        "parallels": {},
        "variables": _variables(top.get("variables"), base, problems),
    }
    name, description = top.get("name"), top.get("description")
    for key in ("name", "description"):
        if isinstance(top.get(key), list | dict):
            problems.report(f"{key} must be a text", (key,))
    if isinstance(name, str) and _CONTROL_OR_LINE_BREAK.search(name):
        problems.report("name has control characters or line breaks", ("name",))
    if name is not None and not to_string(name).strip():
        problems.report("name is empty. Without the key, the name of the file applies", ("name",))
    return WorkflowFile(
        to_string(name) if name is not None else None,
        to_string(description) if description is not None else None,
        state,
        problems.errors,
        problems.warnings,
        document,
        blocks.unread,
        problems.paths,
        {block.id: block.path for block in blocks},
        edge_paths={
            to_string(each["id"]): edge_reader.paths[edge]
            for each, edge in zip(found_edges, edges, strict=True)
            if edge in edge_reader.paths
        },
        causes=edge_reader.causes,
        meant_targets=block_reader.meant_targets,
    )


def _variables(listed: Json, base: JsonObject, problems: FileProblems) -> JsonObject:
    """Return the stored variables. Each keeps the id of the draft's variable with its name."""
    draft = [object_of(each) for each in object_of(base.get("variables")).values()]
    known_ids = {to_string(each.get("name")): to_string(each.get("id")) for each in draft if each.get("id") is not None}
    stored: JsonObject = {}
    given = problems.mapping(listed, ("variables",), "variables")
    if isinstance(listed, list):  # reported
        given = {to_string(object_of(each).get("name") or key): None for each in listed for key in _names(each)}
    for key, value in given.items():
        is_full = isinstance(value, dict) and ("type" in value or "value" in value)
        spec = dict(value) if is_full and isinstance(value, dict) else {"value": value}
        name = to_string(key if spec.get("name") is None else spec["name"])
        ids = (spec.get("id"), known_ids.get(name), variable_id(key))
        identity = to_string(next(each for each in ids if each is not None))
        for word in spec if is_full else ():
            if word not in _VARIABLE_KEYS:
                text = f'variable "{name}" has no "{word}".{one_of(word, _VARIABLE_KEYS[:2])}'
                problems.report(text, ("variables", key, word))
        stored[identity] = {
            "id": identity,
            "name": name,
            "type": spec.get("type", variable_type(spec.get("value"))),
            "value": spec.get("value"),
        }
    return stored


def _names(entry: Json) -> Iterable[str]:
    """Return the names that an entry of a list may declare."""
    return entry if isinstance(entry, dict) else [entry] if isinstance(entry, str) else ()


def variable_type(value: Json) -> str:
    """Return the type of a variable that a file gives only as a value."""
    return next((kind for types, kind in _VARIABLE_TYPES if isinstance(value, types)), "plain")
