"""Texts without quotes, and objects in quotes, in JSON that blocks send: the result is no JSON."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.catalog import Catalog
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Reference, json_parts
from shared.workflow.validate.settings.input_fields import declared_types
from shared.workflow.validate.settings.literals import setting_warning
from shared.workflow.validate.settings.request_settings import is_meant_as_json, template_problem

_FIELDS: Final = {"response": "data", "api": "body", "webhook_request": "body"}
_DECLARING: Final = frozenset({"start_trigger", "api_trigger", "human_in_the_loop"})
"""Types whose outputs authors declare as strings. Those of models and services may hold JSON."""
_PROSE: Final = re.compile(
    r"\.\w*(?:message|text|title|name|email|question|comment|description|subject|note|prompt|reason|summary|address)>",
    re.IGNORECASE,
)
"""Names of strings that are seldom JSON. Others may be digits, lists or objects."""


def unquoted_texts(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for the first declared string without quotes, or object in them, unless values are escaped."""
    types = declared_types(state)
    for block in state.blocks.values():
        field = _FIELDS.get(block.type, "")
        text = block.value(field)
        if not isinstance(text, str) or not state.is_enabled(block.id) or not _inserts_text(block, text):
            continue
        fix = f"Set escapeValues to true, or in a file write {field} as a mapping instead of a text"
        for part, quoted in json_parts(text):
            if not isinstance(part, Reference):
                continue
            if not quoted and is_prose(state, catalog, part):
                cause = f"{field}: {part.raw} is a string without quotes, so the {field} is not JSON"
                yield setting_warning(block, field, f"{cause}. {fix}")
                break
            if quoted and types.get((part.name, part.path_text)) == "object":
                cause = f"{field}: {part.raw} is an object, whose quotes end the text around it"
                yield setting_warning(block, field, f"{cause}. Write it without quotes")
                break


def _inserts_text(block: Block, text: str) -> bool:
    is_used = block.type != "response" or block.value("dataMode") == "json"
    return (
        is_used
        and is_meant_as_json(block, text)
        and block.value("escapeValues") in (None, "", False, "false")
        and not template_problem(text)
    )


def is_prose(state: WorkflowState, catalog: Catalog, reference: Reference) -> bool:
    """Return whether a reference reads a declared string that is seldom JSON."""
    target = state.block_named(reference.name)
    spec = catalog.spec(target.type) if target and target.type in _DECLARING else None
    if target is None or spec is None or len(reference.path) != 1:
        return False
    declared = spec.declared_outputs(target).get(to_string(reference.path[0]))
    return declared is not None and declared.type == "string" and _PROSE.search(reference.raw) is not None
