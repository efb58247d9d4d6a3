"""Values that code uses against their type: objects that it compares or parses, and numbers that it takes for texts."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.references import Reference, parse_text
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.code.value_marks import ValueMark
from shared.workflow.validate.code.value_types import Declared
from shared.workflow.validate.references.function_results import returns_of
from shared.workflow.validate.settings.input_fields import declared_types

_NEAR: Final = 40
"""Characters before a reference that may have the operator."""
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\b(?:return|if|and|or)|(?<![=!<>+*/%&|^-])=)\s*$")
_COMPARED: Final = re.compile(
    r"\s*(?:[<>]=?|[=!]==?)\s*(?:-?[0-9][0-9.]*|(?P<variable><variable\.[^<>\s]{1,100}>)|(?P<boolean>true|false|True|False)|(?P<text>\"[^\"\\\n]+\"|'[^'\\\n]+'))\s*(?:$|&&|\|\||[)?:;\n]|and\b|or\b)"
)
"""Comparison of all that is on the left with a number, a variable, a boolean or a text."""
_GUARD: Final = re.compile(r"\b(?:typeof|instanceof|isinstance|try)\b|\b(?:type|hasattr|is[A-Z]\w*)\(")
"""Words of code that looks at the type of its values, or expects errors."""
_PARSED: Final = re.compile(r"\b(?P<parse>JSON\.parse|json\.loads)\(\s*$")
_OWN_PARSER: Final = re.compile(r"\b(?:JSON|json)\s*=(?!=)")
_METHOD: Final = re.compile(r"\??\.(?P<name>[A-Za-z]\w{0,40})\(")
_ITERATED: Final = re.compile(r"\bfor\b[^\n:;]*\b(?:in|of)\s*$")
_METHODS: Final = {
    Language.JAVASCRIPT: frozenset(
        {"charAt", "concat", "endsWith", "filter", "find", "forEach", "includes", "indexOf", "join", "map", "match"}
        | {"padEnd", "padStart", "push", "replace", "replaceAll", "slice", "split", "startsWith", "substring"}
        | {"toLowerCase", "toUpperCase", "trim"}
    ),
    Language.PYTHON: frozenset({*dir(str), *dir(list), *dir(dict)} - {*dir(int), *dir(float)}),
}
"""Methods that numbers do not have."""


class ValueUses:
    """Finds the uses of inputs, which runs convert to their types, and of objects that functions return."""

    def __init__(self, state: WorkflowState) -> None:
        self._state = state
        self._types = declared_types(state)

    def found(self, template: CodeTemplate, marks: Sequence[ValueMark]) -> Iterator[str]:
        """Yield the problem of each use."""
        for mark in () if _GUARD.search(template.source) else marks:
            part, before = mark.part, mark.text[max(0, mark.start - _NEAR) : mark.start]
            compared = _COMPARED.match(mark.text, mark.end)
            is_typed = compared and (compared["text"] or compared["boolean"])
            may_be_text = compared and ((is_typed and self._type(part)) or self._is_open(compared["variable"]))
            is_list = compared and self._type(part) == "array" and template.language is Language.JAVASCRIPT
            if compared and not may_be_text and _LEFT.search(before) and self._is_object(part):
                what = "boolean" if compared["boolean"] else "number or text"
                yield f"{mark.shown} is an object, which compares with no {what}.{self._fields_hint(part)}"
            elif is_list and not may_be_text and _LEFT.search(before):
                yield f"{mark.shown} is a list, which compares with no number.{did_you_mean(f'{mark.name}.length')}"
            elif text := self._misuse(mark, before, template.language):
                yield text

    def references(self, template: CodeTemplate) -> dict[str, Declared]:
        """Return the references by the names that the program gives to them, with what runs make of their values."""
        is_open = _GUARD.search(template.source) is not None
        return {
            name: Declared(
                part.raw,
                None if is_open else self._kind(part),
                frozenset(() if is_open else self._returned(part) or ()),
            )
            for name, part in template.value_references.items()
        }

    def _kind(self, reference: Reference) -> str | None:
        kind = "object" if self._returned(reference) else self._type(reference)
        return kind if kind in ("number", "string", "array", "object") else None

    def _misuse(self, mark: ValueMark, before: str, language: Language) -> str | None:
        source, _, end, part = mark
        kind, is_python = self._type(part), language is Language.PYTHON
        if (match := _PARSED.search(before)) and source[end : end + 1] == ")":
            is_parsed = (self._is_object(part) or kind == "array") and not _OWN_PARSER.search(source)
            what = "a list" if kind == "array" else "an object"
            return f"{mark.shown} is {what} already. Write it without {match['parse']}(…)" if is_parsed else None
        if kind != "number":
            return None
        fix = f"{'str' if is_python else 'String'}({mark.name})"
        match = _METHOD.match(source, end)
        if (
            match
            and match["name"] in _METHODS[language]
            and source.count(f".{match['name']}") == source.count(f".{match['name']}(")
        ):
            return f"{mark.shown} is a number, which has no .{match['name']}().{did_you_mean(fix)}"
        if _ITERATED.search(before):
            hint = did_you_mean(f"range({mark.name})") if is_python else ""
            return f"{mark.shown} is a number, and for needs a list.{hint}"
        return None

    def _type(self, reference: Reference) -> str | None:
        is_whole = len(reference.path) == 1
        return self._types.get((reference.name, to_string(reference.path[0]))) if is_whole else None

    def _is_open(self, variable: str | None) -> bool:
        """Return whether a variable may have a value other than a number."""
        reference = parse_text(variable).sole_reference if variable else None
        return variable is not None and (reference is None or self._type(reference) != "number")

    def _is_object(self, reference: Reference) -> bool:
        return self._type(reference) == "object" or self._returned(reference) is not None

    def _fields_hint(self, reference: Reference) -> str:
        fields = [f"{reference.raw[:-1]}.{each}>" for each in self._returned(reference) or ()]
        if len(fields) == 1:
            return did_you_mean(fields[0])
        return f" Compare one of its fields: {', '.join(fields)}." if fields else " Compare one of its fields."

    def _returned(self, reference: Reference) -> list[str] | None:
        """Return the fields of the object that a function always returns; None if it may return anything else."""
        block = self._state.block_named(reference.name)
        if block is None or reference.path != ("result",):
            return None
        fields = returns_of(block, reference).fields
        return sorted(fields) if fields else None
