"""Comparisons of an agent's answer with values that its response format does not list."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import Final

from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.code_rewriter import Use
from shared.workflow.format.js_values import Json, object_of, to_number, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.references import Reference
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import nearest

_COMPARED: Final = re.compile(r"\s*===?\s*(?P<quote>[\"'])(?P<text>[^\"'\\\n]+)(?P=quote)\s*(?:$|&&|\|\||[)?:;])")
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\breturn)\s*$")
_NEAR: Final = 40
"""Characters before a reference that may have an operator."""
_MOST: Final = 20
"""Comparisons of a piece of code that are checked: each takes time."""


def unlisted_values(state: WorkflowState, template: CodeTemplate) -> Iterator[tuple[str, str | None]]:
    """Yield each comparison with a text that is nearly one of the enumeration, with the listed one."""
    source = template.source
    values = {each.name for each in template.variables if each.use is Use.VALUE}
    found = (
        (reference, match["text"])
        for start, end, reference, name in template.marks
        if isinstance(reference, Reference)
        and name in values
        and (match := _COMPARED.match(source, end))
        and _LEFT.search(source, max(0, start - _NEAR), start)
    )
    enumeration = cache(partial(_enumeration, state))
    for reference, text in islice(found, _MOST):
        listed = enumeration(reference.name, reference.path)
        if text not in listed and (near := nearest(text, listed)):
            yield f'{reference.raw} is one of {", ".join(listed)}, and never "{text}"', near


def _enumeration(state: WorkflowState, name: str, path: Sequence[str | int]) -> Sequence[str]:
    """Return the texts that a field of an agent's answer may have; empty if any, or one that is a number."""
    target = state.block_named(name)
    if target is None or target.type != "agent" or len(path) != 1:
        return ()
    found = read_response_format(target.value("responseFormat"))
    properties = object_of(found.schema.get("properties")) if found and found.strict else {}
    enum: Json = object_of(properties.get(to_string(path[0]))).get("enum")
    texts = [each for each in enum if isinstance(each, str)] if isinstance(enum, list) else []
    is_of_texts = isinstance(enum, list) and all(isinstance(each, str) and math.isnan(to_number(each)) for each in enum)
    return texts if is_of_texts else ()
