"""Values that are written as calculations: they stay texts."""

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
from shared.workflow.validate.settings.request_settings import has_other_type

_FIELDS: Final = {"response": "data", "api": "body", "webhook_request": "body", "workflow_input": "inputMapping"}
_VALUE: Final = re.compile(r'"(?P<name>[^"\\\n]{1,60})"\s*:\s*"(?P<value>(?:[^"\\\n]|\\"){1,300})"')
_REFERENCE: Final = "<>"
"""Placeholder of a reference."""
_METHOD: Final = re.compile(r"<>\.(?:length|(?:toLowerCase|toUpperCase|trim)\(\)|toFixed\(\d?\))")
_OPERATION: Final = re.compile(r"(?:<>|\d{1,9}(?:\.\d{1,9})?)\s*(?P<sign>[+*])\s*(?:<>|\d{1,9}(?:\.\d{1,9})?)")
_NUMBERS: Final = re.compile(
    r"(?:^|[^A-Za-z]|(?-i:(?<=[a-z])(?=[A-Z])))(?:total|sum|price|amount|count|quantity|tax|cost|subtotal|discount|fee)$",
    re.IGNORECASE,
)
"""Names of values that are numbers."""
_TEXTS: Final = re.compile(
    r"q$|text|message|label|title|note|path|field|key|property|properties|attribute|column|select|sort|metric|series|topic",
    re.IGNORECASE,
)
"""Names of values that may be texts, or the path of a property."""
_CODE: Final = re.compile(
    r"expr|code|formula|script|query|template|filter|rule|condition|where|command|sql|ql$|statement|source|content"
    r"|snippet|example|program|predicate|logic|policy|rego|cel$|^(?:if|when)$|^js|eval|calc|math|equation"
    r"|search|^q$|keyword|pattern|match|version|engine|constraint|range",
    re.IGNORECASE,
)
"""Names of values that may be code, or the text of a calculation."""
_PAGES: Final = re.compile(r"(?:page|offset|limit|skip|start|index|year|month|week|day)$", re.IGNORECASE)
_OPERAND: Final = r"(?:-?\d{1,9}(?:\.\d{1,9})?|\"[^\"]{0,80}\"|'[^']{0,80}'|true|false|null)"
_EITHER: Final = rf"(?:<>|{_OPERAND})"
_ALTERNATIVE: Final = re.compile(
    rf"<>(?:\s*\|\|\s*(?!\d*[1-9]){_OPERAND}|\s+\?\?\s+{_EITHER}|\s*\?\s*(?:{_OPERAND}\s*:\s*{_EITHER}|<>\s*:\s*{_OPERAND}))"
)
"""Unlike two values with `||` between them, or with the marks of a French question."""
_CHOICE: Final = re.compile(r"<>\s*\?\s*<>\s*:\s*<>")
_EITHER_VALUE: Final = re.compile(r"<>\s*\|\|\s*<>")
_WITH_NUMBER: Final = re.compile(r"<>\s+[+*]\s+\d{1,9}(?:\.\d{1,9})?")
_CHANGE: Final = re.compile(r"<>\.(?:push|concat|append)\([^()]{0,200}\)")
_WHOLE: Final = ("conversationId", "input")
"""Settings with one value, which is no JSON."""


def uncalculated_values(state: WorkflowState) -> Iterator[Problem]:
    """Yield a warning for each value that is only a calculation: of JSON, of a variable, or of a parameter."""
    types = declared_types(state)
    for block in state.blocks.values():
        if state.is_enabled(block.id):
            for field, name, value in _values(block, types):
                is_form = block.type == "human_in_the_loop"
                if _is_calculation(field, name, parse_text(value.strip()).parts, types, is_form=is_form):
                    what = f'{field}: "{name}"' if name else field
                    text = f'{what} is not calculated and stays "{value}". Compute it in a function block'
                    yield setting_warning(block, field, text)


def _values(block: Block, types: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str, str]]:
    """Yield setting, name and text of each value; the name is empty if a setting is one value."""
    if field := _FIELDS.get(block.type):
        text = block.value(field)
        for match in _VALUE.finditer(text) if isinstance(text, str) else ():
            yield field, match["name"], match["value"].replace('\\"', '"')
    for entry in map(object_of, parse_list(block.value("builderData"))):
        if isinstance(entry.get("value"), str):
            yield "builderData", to_string(entry.get("name")), to_string(entry["value"])
    for row in parse_list(block.value("params")) if block.type == "api" else ():
        cells = object_of(object_of(row).get("cells"))
        yield "params", to_string(cells.get("Key")), to_string(cells.get("Value"))
    for entry in map(object_of, parse_list(block.value("variables")) if block.type == "variables" else ()):
        name = to_string(entry.get("variableName"))
        if types.get(("variable", name)) != "number":  # which another check covers
            yield "variables", name, to_string(entry.get("value"))
    is_text = block.type == "response" and block.value("dataMode") == "json" and not has_other_type(block)
    for field in (*_WHOLE, "data") if is_text else _WHOLE:
        if isinstance(value := block.value(field), str):
            yield field, "", value


def _is_calculation(
    field: str,
    name: str,
    parts: Sequence[str | Reference | EnvMarker],
    types: Mapping[tuple[str, str], str],
    *,
    is_form: bool,
) -> bool:
    """Return whether a text is a reference with an alternative, a method, or a sum or a product.

    A sum has only numbers: others may be names. A product has the name of a number.
    """
    typed = "".join(part if isinstance(part, str) else _REFERENCE for part in parts)
    values = [part for part in parts if not isinstance(part, str)]
    references = [part for part in values if isinstance(part, Reference)]
    if len(references) < len(values) or not references or _CODE.search(name):
        return False
    kinds = [types.get((each.name, each.path_text)) for each in references]
    is_chosen = _ALTERNATIVE.fullmatch(typed) or (kinds[0] == "boolean" and _CHOICE.fullmatch(typed))
    is_either = field == "conversationId" and _EITHER_VALUE.fullmatch(typed)
    if is_chosen or is_either or (field == "variables" and kinds[0] != "string" and _CHANGE.fullmatch(typed)):
        return True
    if field in _WHOLE or _TEXTS.search(name):
        return False
    are_numbers, is_number = {*kinds} == {"number"}, _NUMBERS.search(name) is not None
    if field == "params" or (field == "data" and not name):
        is_counted = is_number or field == "data" or _PAGES.search(name)
        return bool(is_counted and are_numbers and _WITH_NUMBER.fullmatch(typed))
    operation = _OPERATION.fullmatch(typed) if is_number and not is_form and field != "variables" else None
    is_operation = operation is not None and (operation["sign"] == "*" or are_numbers)
    return is_operation or _METHOD.fullmatch(typed) is not None
