"""References that code compares in vain: text in quotes, which is JSON there, and other types with a text."""

import re
from collections.abc import Iterator
from typing import Final

from shared.workflow.catalog import Catalog
from shared.workflow.catalog.triggers import START
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.references import Reference

_USED: Final = re.compile(r"\s*(?:\.[A-Za-z]|[=!]=)")
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\breturn|(?<![=!<>+*/%&|^-])=)\s*$")
_TEXT: Final = re.compile(
    r"\s*(?P<operator>[=!]==?)\s*(?P<quote>[\"'])(?P<text>[^\"'\\\n]*)(?P=quote)\s*(?:$|&&|\|\||[)?:;])"
)
"""Comparison of all that is on the left with a text."""
_NEAR: Final = 40
"""Characters before a reference that may have the operator."""
_STRICT: Final = len("===")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


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

    def never_equal(self, template: CodeTemplate) -> Iterator[str]:
        """Yield why a comparison of an input with a text never holds, since runs convert such a text."""
        source = template.source
        for start, end, part, _ in template.marks if template.language is Language.JAVASCRIPT else ():
            if not isinstance(part, Reference) or len(part.path) != 1 or not (match := _TEXT.match(source, end)):
                continue
            kind, text = self._type(part, only_inputs=True), match["text"]
            is_other = (kind == "boolean" and text in ("true", "false")) or (
                kind == "number" and len(match["operator"]) == _STRICT and _NUMBER.fullmatch(text)
            )
            if is_other and _LEFT.search(source, max(0, start - _NEAR), start):
                yield f"{part.raw} is a {kind} and never equals a text. Write {text} without quotes"

    def _is_text(self, reference: Reference) -> bool:
        return self._type(reference) == "string"

    def _type(self, reference: Reference, *, only_inputs: bool = False) -> str | None:
        target = self._state.block_named(reference.name)
        spec = self._catalog.spec(target.type) if target else None
        if target is None or spec is None or (only_inputs and target.type != START.type):
            return None
        if target.id not in self._outputs:
            self._outputs[target.id] = spec.declared_outputs(target)
        field = self._outputs[target.id].get(to_string(reference.path[0]))
        return field.type if field else None
