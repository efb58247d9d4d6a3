"""Comparisons of an agent's answer with values that its response format does not list."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.code_rewriter import Use
from shared.workflow.format.js_values import Json, object_of, to_number, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.references import Reference
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import nearest

_COMPARED: Final = re.compile(
    r"\s*(?:[=!]==?\s*(?P<quote>[\"'])(?P<text>[^\"'\\\n]*)(?P=quote)|(?:[<>]=?|[!=]==?)\s*-?\d[\d.]{0,15})"
    r"\s*(?:$|&&|\|\||[)?:;])"
)
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\breturn)\s*$")
_NEAR: Final = 40
"""Characters before a reference that may have an operator."""


def unlisted_values(state: WorkflowState, template: CodeTemplate) -> Iterator[tuple[str, str | None]]:
    """Yield why a comparison never holds, with the nearest value of the enumeration."""
    source = template.source
    values = {each.name for each in template.variables if each.use is Use.VALUE}
    for start, end, reference, name in template.marks:
        match = _COMPARED.match(source, end)
        if match is None or not isinstance(reference, Reference) or name not in values:
            continue
        listed, text = _enumeration(state, reference), match["text"]
        is_alone = _LEFT.search(source, max(0, start - _NEAR), start)
        if is_alone and listed and text not in ("", *listed):
            what = "a number" if text is None else f'"{text}"'
            near = nearest(text, listed) if text else None
            yield f"{reference.raw} is one of {', '.join(listed)}, and never {what}", near


def _enumeration(state: WorkflowState, reference: Reference) -> Sequence[str]:
    """Return the texts that a field of an agent's answer may have; empty if any, or one that is a number."""
    target = state.block_named(reference.name)
    if target is None or target.type != "agent" or len(reference.path) != 1:
        return ()
    found = read_response_format(target.value("responseFormat"))
    properties = object_of(found.schema.get("properties")) if found else {}
    enum: Json = object_of(properties.get(to_string(reference.path[0]))).get("enum")
    texts = [each for each in enum if isinstance(each, str)] if isinstance(enum, list) else []
    is_of_texts = isinstance(enum, list) and all(isinstance(each, str) and math.isnan(to_number(each)) for each in enum)
    return texts if is_of_texts else ()
