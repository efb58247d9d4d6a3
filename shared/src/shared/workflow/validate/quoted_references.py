"""References to text in quotes of code. There they are JSON, so that comparisons and methods see a second quote."""

import re
from collections.abc import Iterator
from typing import Final

from shared.workflow.catalog import Catalog
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.references import Reference

_USED: Final = re.compile(r"\s*(?:\.[A-Za-z]|[=!]=)")
_NEAR: Final = 40
"""Characters before a reference that may have the operator."""


class QuotedReferences:
    """Finds references to text that are all that stands between two quotes."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state, self._catalog = state, catalog
        self._outputs: dict[str, Outputs] = {}

    def found(self, template: CodeTemplate) -> Iterator[str]:
        """Yield each one that is compared, or has a method."""
        source = template.source
        for start, end, part, _ in template.marks:
            quotes = source[start - 1 : start] + source[end : end + 1]
            if quotes not in ('""', "''") or not isinstance(part, Reference) or len(part.path) != 1:
                continue
            is_compared = source[max(0, start - _NEAR) : start - 1].rstrip().endswith(("==", "!="))
            if (is_compared or _USED.match(source, end + 1)) and self._is_text(part):
                yield part.raw

    def _is_text(self, reference: Reference) -> bool:
        target = self._state.block_named(reference.name)
        spec = self._catalog.spec(target.type) if target else None
        if target is None or spec is None:
            return False
        if target.id not in self._outputs:
            self._outputs[target.id] = spec.declared_outputs(target)
        field = self._outputs[target.id].get(to_string(reference.path[0]))
        return field is not None and field.type == "string"
