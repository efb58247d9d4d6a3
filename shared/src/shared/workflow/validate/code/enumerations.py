"""Comparisons of an output with texts that neither a response format lists, nor the code of a function returns."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import Final

from shared.workflow.format.js_values import Json, object_of, to_number, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import nearest
from shared.workflow.validate.code.comparisons import Comparison
from shared.workflow.validate.code.function_values import FunctionValues

_MOST: Final = 20
"""Comparisons of a piece of code that are checked: each takes time."""
_MOST_LISTED: Final = 50
"""Longer enumerations are not compared with: that takes time, and a message would not show them."""


class Enumerations:
    """Finds comparisons of the answers of a workflow's agents and the results of its functions."""

    def __init__(self, state: WorkflowState) -> None:
        self._listed, self._values = cache(partial(_enumeration, state)), FunctionValues(state)

    def unlisted_values(self, comparisons: Sequence[Comparison]) -> Iterator[tuple[str, str | None]]:
        """Yield each comparison with a text that is nearly one of the enumeration, with the listed one.

        Another text is a mistake if the code compares the answer with nothing else.
        """
        texts = [each for each in comparisons if each.kind == "string" and each.literal and not each.is_order]
        times = Counter(each.part.raw for each in comparisons)
        known = {(each.part.raw, each.literal) for each in texts}
        for compared in islice(texts, _MOST):
            part, text = compared.part, compared.literal
            listed = self._listed(part.name, part.path) or self._values.texts(part)
            if not listed or text in listed:
                continue
            near = nearest(text, listed)
            is_only = compared.is_equality and times[compared.part.raw] == 1
            if (compared.part.raw, near) not in known if near else is_only:  # the code may accept a synonym, too
                yield f'{compared.shown} is one of {", ".join(listed)}, and never "{text}"', near


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
    return texts if is_of_texts and len(texts) <= _MOST_LISTED else ()
