"""Import of workflow files in every format of Sim and Flowport."""

import json
import math
import re
from collections import Counter
from typing import Final

import msgspec

from shared.errors import InvalidWorkflow
from shared.workflow.files.names import TOP_KEYS
from shared.workflow.files.reader import read_file
from shared.workflow.files.yaml_text import MAX_BYTES
from shared.workflow.format.js_values import Json, JsonObject, object_of
from shared.workflow.format.json_problems import json_fix
from shared.workflow.format.migrations import migrate
from shared.workflow.format.sizes import MAX_VALUES, has_too_many_values
from shared.workflow.format.snapshot import snapshot_document
from shared.workflow.format.structure import structure_problems
from shared.workflow.transfer.other_systems import recognize

_MAX_WRAPPINGS: Final = 4
_YAML_KEY: Final = re.compile(r"^\w+:(?:\s|$)", re.MULTILINE)
_FLOW_KEY: Final = re.compile(rf"\{{\s*'?(?:{'|'.join(TOP_KEYS)})'?\s*:\s")
"""First key of a file in YAML's flow style; keys of JSON have double quotes."""
_COLUMN: Final = 300
"""Pixels between blocks without a position."""


class ImportedWorkflow(msgspec.Struct, frozen=True):
    """Contents of a file. The state is a draft's, with the original block ids."""

    state: JsonObject
    name: str | None = None
    description: str | None = None


def read_import(document: Json) -> ImportedWorkflow:
    """Read an export envelope, `{data: …}`, `{state: …}`, a bare state, the JSON text of any of them, or a YAML file.

    Raises InvalidWorkflow; its details list every problem.
    """
    if isinstance(document, str) and is_yaml(document):
        return read_yaml_import(document)
    parsed = _parse(document.removeprefix("\ufeff")) if isinstance(document, str) else document
    if other := recognize(parsed):
        raise InvalidWorkflow(other.message, details=[other.message])
    envelope, state = _unwrap(parsed)
    problems = structure_problems(state)
    if problems or not isinstance(state, dict):
        raise InvalidWorkflow(f"Invalid workflow: {'; '.join(problems)}", details=problems)
    described = (object_of(state.get("metadata")), object_of(envelope.get("workflow")), envelope)
    return ImportedWorkflow(
        state=snapshot_document(migrate(_clean(state))),
        name=_first_text(described, "name"),
        description=_first_text(described, "description"),
    )


def is_yaml(text: str) -> bool:
    """Return whether a text is a YAML file rather than a JSON export. JSON with the keys of YAML files is one, too."""
    content = text.lstrip("\ufeff \t\r\n")
    if content.startswith("{"):
        return _FLOW_KEY.match(content) is not None or _is_file_in_json(content)
    return not content.startswith("[") and _YAML_KEY.search(text) is not None


def _is_file_in_json(text: str) -> bool:
    """Return whether the blocks of a JSON text have types but no ids, which every export has."""
    if len(text) > MAX_BYTES or '"subBlocks"' in text:
        return False
    try:
        blocks = object_of(object_of(msgspec.json.decode(text)).get("blocks")).values()
    except (msgspec.DecodeError, RecursionError):
        return False
    return bool(blocks) and all(isinstance(block, dict) and "type" in block and "id" not in block for block in blocks)


def read_yaml_import(text: str, *, base: JsonObject | None = None) -> ImportedWorkflow:
    """Read a YAML file. Its blocks keep id and position of the block with the same name in `base`, a state.

    Raises InvalidWorkflow; its details list every problem with its line.
    """
    found = read_file(text, base=base)
    if found.problems:
        problems = [f"line {problem.line}: {problem.message}" for problem in found.problems]
        raise InvalidWorkflow(f"Invalid workflow file: {'; '.join(problems)}", details=problems)
    return ImportedWorkflow(snapshot_document(found.state), found.name, found.description)


def _parse(text: str) -> Json:
    if not text.strip("\ufeff \t\r\n"):
        raise InvalidWorkflow("Invalid JSON: the file is empty", details=["Invalid JSON: the file is empty"])
    if has_too_many_values(text.encode(errors="surrogatepass")):
        problem = f"Workflow has more than {MAX_VALUES:,} JSON values"
        raise InvalidWorkflow(f"Invalid workflow: {problem}", details=[problem])
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Json]]) -> JsonObject:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return found

    try:
        parsed: Json = json.loads(
            text, object_pairs_hook=unique, parse_constant=_refuse_number, parse_float=_finite_number
        )
    except (ValueError, RecursionError) as error:
        cause = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        if isinstance(error, json.JSONDecodeError) and (fix := json_fix(text, error)):
            cause = f"{cause}. {fix}"
        raise InvalidWorkflow(f"Invalid JSON: {cause}", details=[f"Invalid JSON: {cause}"]) from error
    if repeated:
        problems = [f"Duplicate key: {key}" for key in repeated]
        raise InvalidWorkflow(f"Invalid workflow: {'; '.join(problems)}", details=problems)
    return parsed


def _finite_number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text[:40]} is no number of JSON. Write a finite number, or null")


def _unwrap(document: Json) -> tuple[JsonObject, Json]:
    """Return the envelope that names the workflow, and the state inside."""
    for _ in range(_MAX_WRAPPINGS):
        if not isinstance(document, dict) or "blocks" in document:
            break
        if isinstance(document.get("state"), dict):
            return document, document["state"]
        if not isinstance(document.get("data"), dict):
            break
        document = document["data"]
    return {}, document


def _first_text(sources: tuple[JsonObject, ...], key: str) -> str | None:
    texts = (source.get(key) for source in sources)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), None)


def _clean(state: JsonObject) -> JsonObject:
    blocks = object_of(state.get("blocks"))
    return {
        **state,
        "blocks": {key: _clean_block(object_of(block), index) for index, (key, block) in enumerate(blocks.items())},
    }


def _clean_block(block: JsonObject, index: int) -> JsonObject:
    sub_blocks = object_of(block.get("subBlocks"))
    return {
        **block,
        "name": block.get("name") or block.get("type"),
        "position": block.get("position") or {"x": _COLUMN * index, "y": 0},
        "subBlocks": {
            key: _clean_sub_block(key, sub_block)
            for key, sub_block in sub_blocks.items()
            if key != "undefined" and isinstance(sub_block, dict)
        },
    }


def _clean_sub_block(key: str, sub_block: JsonObject) -> JsonObject:
    value = sub_block.get("value")
    kind = sub_block.get("type")
    return {**sub_block, "id": key, "type": kind or "short-input", "value": None if value == "" else value}
