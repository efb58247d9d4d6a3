"""Finds stored files anywhere in a value."""

from typing import Final

import msgspec

from shared.contracts.files import CONTEXT, FileKey
from shared.workflow.format.js_values import Json, JsonObject

MAX_REFERENCED_FILES: Final = 1_000
_MARK: Final = f'"context":"{CONTEXT}"'.encode()


def may_contain_files(document: bytes) -> bool:
    """Return whether our JSON may contain files."""
    return _MARK in document


def find_files(value: Json) -> list[JsonObject]:
    """Return every stored file in a value, outermost first. The search is iterative: the value may be deep."""
    found: list[JsonObject] = []
    remaining: list[Json] = [value]
    while remaining:
        each = remaining.pop()
        if isinstance(each, dict):
            if each.get("context") == CONTEXT and isinstance(each.get("key"), str):
                found.append(each)
            remaining.extend(each.values())
        elif isinstance(each, list):
            remaining.extend(each)
    return found


def referenced_file_ids(workspace_id: str, state: bytes) -> tuple[str, ...]:
    """Return the ids of the workspace's files that a paused run may still read, from its state as JSON."""
    if not may_contain_files(state):
        return ()
    keys = (FileKey.parse(str(file["key"])) for file in find_files(msgspec.json.decode(state)))
    ids = dict.fromkeys(key.file_id for key in keys if key is not None and key.workspace_id == workspace_id)
    return tuple(ids)[:MAX_REFERENCED_FILES]
