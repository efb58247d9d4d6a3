"""Export of workflow files in Sim's format, without secrets."""

import re
from datetime import datetime
from typing import Final

import msgspec

from shared.clock import iso
from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, stringify
from shared.workflow.format.references import parse_text
from shared.workflow.format.snapshot import snapshot_document

FORMAT_VERSION: Final = "1.0"

_SECRET_NAME: Final = re.compile(
    r".*(?:api[-_ ]?key|password|passwd|secret|token|credential|authorization|cookie|(?:private|access)[-_ ]?key)",
    re.IGNORECASE,
)


class ExportedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """The exported workflow's metadata."""

    id: str
    name: str
    description: str = ""
    workspace_id: str | None = None
    folder_id: str | None = None


def export_workflow(
    workflow: ExportedWorkflow, state: JsonObject, *, exported_at: datetime, catalog: Catalog | None = None
) -> JsonObject:
    """Return the export envelope of a draft or snapshot. The given state does not change.

    It omits passwords and lookalikes, unless they come from the environment or another block, and OAuth credentials.
    """
    at = iso(exported_at)
    return {
        "version": FORMAT_VERSION,
        "exportedAt": at,
        "workflow": {
            "id": workflow.id,
            "name": workflow.name,
            "description": workflow.description,
            "workspaceId": workflow.workspace_id,
            "folderId": workflow.folder_id,
        },
        "state": {
            **without_secrets(state, catalog or installed_catalog()),
            "metadata": {"name": workflow.name, "description": workflow.description, "exportedAt": at},
        },
    }


def without_secrets(state: JsonObject, catalog: Catalog) -> JsonObject:
    """Return the state's snapshot document, each secret replaced by null."""
    document = snapshot_document(state)
    blocks = document["blocks"]
    if not isinstance(blocks, dict):
        return document
    return {**document, "blocks": {key: _block(block, catalog) for key, block in blocks.items()}}


def _block(block: Json, catalog: Catalog) -> Json:
    if not isinstance(block, dict) or not isinstance(block.get("subBlocks"), dict):
        return block
    block_type = block.get("type")
    spec = catalog.spec(block_type) if isinstance(block_type, str) else None
    passwords = {setting.id: setting.password for setting in spec.sub_blocks} if spec else {}
    sub_blocks = block["subBlocks"]
    return {
        **block,
        "subBlocks": {
            key: _sub_block(sub, is_password=passwords.get(key, _is_secret_name(key)))
            for key, sub in (sub_blocks.items() if isinstance(sub_blocks, dict) else ())
        },
    }


def _sub_block(sub_block: Json, *, is_password: bool) -> Json:
    if not isinstance(sub_block, dict):
        return sub_block
    value = sub_block.get("value")
    if sub_block.get("type") == "oauth-input" or (is_password and _is_typed(value)):
        return {**sub_block, "value": None}
    return {**sub_block, "value": _scrub(value)}


def _scrub(value: Json) -> Json:
    """Remove the secrets inside any value: tool parameters, header tables, and either as JSON text."""
    if isinstance(value, str):
        return _scrub_text(value)
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if not isinstance(value, dict):
        return value
    cells = value.get("cells")
    if isinstance(cells, dict):
        return {**value, "cells": _cells(cells)}
    return {
        key: None if isinstance(item, str) and _is_secret_name(key) and _is_typed(item) else _scrub(item)
        for key, item in value.items()
    }


def _scrub_text(text: str) -> str:
    parsed = parse_json(text) if text.lstrip().startswith(("{", "[")) else MISSING
    if not isinstance(parsed, dict | list):
        return text
    scrubbed = _scrub(parsed)
    return text if scrubbed == parsed else stringify(scrubbed)


def _cells(cells: JsonObject) -> JsonObject:
    name, value = cells.get("Key"), cells.get("Value")
    is_secret = isinstance(name, str) and _is_secret_name(name) and isinstance(value, str)
    return {**cells, "Value": None} if is_secret and parse_text(str(value)).is_literal else cells


def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name) is not None


def _is_typed(value: Json) -> bool:
    """Return whether a value is a literal secret, not a reference to one."""
    if not isinstance(value, str):
        return value is not None
    return any(isinstance(part, str) for part in parse_text(value).parts)
