"""Values of JSON that are written as calculations: they stay texts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import object_of, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import EnvMarker, Reference, parse_text
from shared.workflow.validate.settings.input_fields import declared_types
from shared.workflow.validate.settings.literals import setting_warning

_FIELDS: Final = {"response": "data", "api": "body", "webhook_request": "body", "workflow_input": "inputMapping"}
_VALUE: Final = re.compile(r'"(?P<name>[^"\\\n]{1,60})"\s*:\s*"(?P<value>[^"\\\n]{1,300})"')
_REFERENCE: Final = "<>"
"""Placeholder of a reference."""
_METHOD: Final = re.compile(r"<>\.(?:length|(?:toLowerCase|toUpperCase|trim)\(\)|toFixed\(\d?\))")
_OPERATION: Final = re.compile(r"(?:<>|\d{1,9}(?:\.\d{1,9})?)\s*(?P<sign>[+*])\s*(?:<>|\d{1,9}(?:\.\d{1,9})?)")
_NUMBERS: Final = re.compile(
    r"(?:^|[^A-Za-z]|(?-i:(?<=[a-z])(?=[A-Z])))(?:total|sum|price|amount|count|quantity|tax|cost|subtotal|discount|fee)$",
    re.IGNORECASE,
)
"""Names of values that are numbers."""
_SOURCES: Final = re.compile(
    r"expr|code|formula|script|query|template|text|message|label|title|note"
    r"|path|field|key|property|properties|attribute|column|select|sort|filter|rule|condition|example|snippet",
    re.IGNORECASE,
)
"""Names of values that may be the text of a calculation, or the path of a property."""


def uncalculated_values(state: WorkflowState) -> Iterator[Problem]:
    """Yield a warning for each value of a response, a request or a called workflow that is only a calculation."""
    types = declared_types(state)
    for block in state.blocks.values():
        if state.is_enabled(block.id):
            for field, name, value in _values(block):
                parts = parse_text(value.strip()).parts
                is_number = _NUMBERS.search(name) is not None and block.type != "human_in_the_loop"  # which shows it
                if not _SOURCES.search(name) and _is_calculation(parts, types, is_number=is_number):
                    text = f'{field}: "{name}" is not calculated and stays "{value}". Compute it in a function block'
                    yield setting_warning(block, field, text)


def _values(block: Block) -> Iterator[tuple[str, str, str]]:
    """Yield setting, name and text of each value."""
    if field := _FIELDS.get(block.type):
        text = block.value(field)
        for match in _VALUE.finditer(text) if isinstance(text, str) else ():
            yield field, match["name"], match["value"]
    for entry in map(object_of, parse_list(block.value("builderData"))):
        if isinstance(entry.get("value"), str):
            yield "builderData", to_string(entry.get("name")), to_string(entry["value"])


def _is_calculation(
    parts: Sequence[str | Reference | EnvMarker], types: Mapping[tuple[str, str], str], *, is_number: bool
) -> bool:
    """Return whether a text is a reference with a method, or the product or sum that a number is.

    A sum has only numbers: others may be names.
    """
    typed = "".join(part if isinstance(part, str) else _REFERENCE for part in parts)
    references = [part for part in parts if isinstance(part, Reference)]
    if len(references) < len([part for part in parts if not isinstance(part, str)]) or not references:
        return False
    operation = _OPERATION.fullmatch(typed) if is_number else None
    are_numbers = all(types.get((each.name, each.path_text)) == "number" for each in references)
    return _METHOD.fullmatch(typed) is not None or (operation is not None and (operation["sign"] == "*" or are_numbers))
