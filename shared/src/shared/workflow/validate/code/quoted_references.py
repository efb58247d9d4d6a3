"""References that code uses against their type: text in quotes, which is JSON there, comparisons and methods."""

import re
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from typing import Final

from shared.workflow.catalog import Catalog
from shared.workflow.catalog.triggers import START
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.input_format import read_input_format
from shared.workflow.format.js_values import MISSING, parse_json, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.references import Reference
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import nearest
from shared.workflow.validate.code.member_names import ARRAY_MEMBERS, COMMON_METHODS, STRING_MEMBERS, names
from shared.workflow.validate.code.value_marks import ValueMark
from shared.workflow.validate.settings.branch_settings import METHODS

_USED: Final = re.compile(r"\s*(?:\.[A-Za-z]|[=!]=)")
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\breturn|(?<![=!<>+*/%&|^-])=)\s*$")
_TEXT: Final = re.compile(
    r"\s*(?P<operator>[=!]==?)\s*(?P<quote>[\"'])(?P<text>[^\"'\\\n]*)(?P=quote)\s*(?:$|&&|\|\||[)?:;])"
)
"""Comparison of all that is on the left with a text."""
_BOOLEAN: Final = re.compile(r"\s*[=!]==\s*(?:true|false)\s*(?:$|&&|\|\||[)?:;])")
_NEAR: Final = 40
"""Characters before a reference that may have the operator."""
_STRICT: Final = len("===")
_MEMBER: Final = re.compile(r"\??\.(?P<name>[A-Za-z_]\w{0,40})\b(?P<call>\s*\()?")
_OTHER_MEMBERS: Final = names("""
    constructor toFixed toPrecision toExponential
    anchor big blink bold fixed fontcolor fontsize italics link small strike sub sup
""")
_MEMBERS: Final = {
    Language.JAVASCRIPT: STRING_MEMBERS | ARRAY_MEMBERS | COMMON_METHODS | _OTHER_MEMBERS,
    Language.PYTHON: frozenset(name for kind in (str, list, dict, float, int) for name in dir(kind)),
}
"""Properties of all JSON values: these have no other methods, and in Python no other attributes."""
_USUAL: Final = {
    Language.JAVASCRIPT: {"string": STRING_MEMBERS, "array": ARRAY_MEMBERS},
    Language.PYTHON: {"string": frozenset(dir(str)), "array": frozenset(dir(list))},
}
_EQUIVALENTS: Final = {
    Language.JAVASCRIPT: {
        **{"contains": "includes", "has": "includes", "len": "length", "size": "length", "count": "length"},
        **{"lower": "toLowerCase", "upper": "toUpperCase", "strip": "trim", "append": "push", "add": "push"},
    },
    Language.PYTHON: {"toLowerCase": "lower", "toUpperCase": "upper", "trim": "strip", "push": "append"},
}
"""Members of the same meaning, by their names in other languages."""
_OPEN: Final = re.compile(
    r"prototype|getPrototypeOf|__proto__|\b(?:try|suppress|hasattr|typeof|instanceof|isinstance|globals)\b|\btype\(",
    re.IGNORECASE,
)
"""Code that may add methods to all values, expects that one is missing, or looks at the type of a value."""
_CLOSE: Final = 0.8
_MOST: Final = 20
"""Members of a piece of code that are compared: each takes time."""
_UNQUOTED: Final = re.compile(r"[=!]==?\s*(-?[\w.]+)")
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
            if quotes not in ('""', "''") or not isinstance(part, Reference):
                continue
            is_compared = source[max(0, start - _NEAR) : start - 1].rstrip().endswith(("==", "!="))
            is_used = (is_compared or _USED.match(source, end + 1)) and self._type(part) == "string"
            match = _TEXT.match(source, end + 1)
            is_alone = match and _LEFT.search(source, max(0, start - _NEAR), start - 1)
            if is_used or (match and is_alone and match["text"] and parse_json(match["text"]) is MISSING):
                yield part.raw

    def never_equal(self, template: CodeTemplate, marks: Sequence[ValueMark]) -> Iterator[str]:
        """Yield why a comparison with a text never holds.

        Runs convert inputs, a strict response format gives the fields of an answer their types, and a form refuses
        answers of other types.
        """
        unquoted = {*_UNQUOTED.findall(template.source)} if marks else frozenset()
        for mark in marks if template.language is Language.JAVASCRIPT else ():
            source, start, end, reference = mark
            is_boolean = _BOOLEAN.match(source, end) and _LEFT.search(source, max(0, start - _NEAR), start)
            if is_boolean and self._is_answer(reference) and self._type(reference) == "string":
                yield f"{mark.shown} is a string and never equals a boolean. Compare it with a text in quotes"
            if not (match := _TEXT.match(source, end)) or not _LEFT.search(source, max(0, start - _NEAR), start):
                continue
            kind, text = self._type(reference, only_certain=True), match["text"]
            kind = "number" if kind == "integer" else kind
            if text in unquoted:  # compared with both types
                continue
            is_strict = len(match["operator"]) == _STRICT
            if (kind == "boolean" and text in ("true", "false")) or (
                kind == "number" and is_strict and _NUMBER.fullmatch(text)
            ):
                yield f"{mark.shown} is a {kind} and never equals a string. Write {text} without quotes"
            elif kind == "boolean" and text and is_strict and (self._is_answer(reference) or self._is_form(reference)):
                yield f"{mark.shown} is a boolean and never equals a string. Write true or false without quotes"

    def lists(self, template: CodeTemplate, marks: Sequence[ValueMark]) -> Set[str]:
        """Return the names by which the program reads lists."""
        values = [(mark.name, mark.part) for mark in marks]
        values += [(each.name, each.part) for each in template.variables if isinstance(each.part, Reference)]
        return {name for name, part in values if self._type(part) == "array"}

    def unknown_members(self, template: CodeTemplate, marks: Sequence[ValueMark]) -> Iterator[tuple[str, str | None]]:
        """Yield the members that no value of a run has, each with a suggestion."""
        is_python = template.language is Language.PYTHON
        known, meant = _MEMBERS[template.language], _EQUIVALENTS[template.language]
        usual = _USUAL[template.language]
        found = (
            (match, mark)
            for mark in marks
            if (match := _MEMBER.match(mark.text, mark.end)) and match["name"] not in known
        )
        for match, mark in islice(found, _MOST) if not _OPEN.search(template.source) else ():
            shown, name, kind = mark.shown, match["name"], self._type(mark.part) or ""
            if template.is_expression and name in METHODS:  # which is reported
                continue
            if match["call"] and re.search(rf"\.{name}\b(?!\s*\()", template.source):  # which may test it
                continue
            near = meant.get(name) or nearest(name, sorted(usual.get(kind, known)), least=_CLOSE)
            if is_python and name in ("length", "size"):
                yield f"{shown} has no attribute .{name}", f"len({mark.name})"
            elif match["call"]:
                yield f"{shown} has no method .{name}()", near and f".{near}"
            elif is_python:
                yield f"{shown} has no attribute .{name}", f".{near}" if near else mark.field(name)
            elif near and kind in usual and name not in meant:
                yield f"{shown} has no .{name}", f".{near}"

    def _type(self, reference: Reference, *, only_certain: bool = False) -> str | None:
        target = self._state.block_named(reference.name)
        spec = self._catalog.spec(target.type) if target else None
        if target is None or spec is None or len(reference.path) != 1:
            return None
        is_certain = target.type == START.type or self._is_answer(reference) or self._is_form(reference)
        if only_certain and not is_certain:
            return None
        if target.id not in self._outputs:
            self._outputs[target.id] = spec.declared_outputs(target)
        field = self._outputs[target.id].get(to_string(reference.path[0]))
        return field.type if field else None

    def _is_answer(self, reference: Reference) -> bool:
        """Return whether a reference reads the answer of an agent with a strict response format."""
        target = self._state.block_named(reference.name)
        found = read_response_format(target.value("responseFormat")) if target and target.type == "agent" else None
        return found is not None and found.strict

    def _is_form(self, reference: Reference) -> bool:
        """Return whether a reference reads a boolean or a number of a form: any answer fits the type "string"."""
        target = self._state.block_named(reference.name)
        fields = read_input_format(target.value("inputFormat")) if target and target.type == "human_in_the_loop" else ()
        return any(
            field.name == reference.path[0]
            and field.type in ("boolean", "number")
            and field.value in (None, "", True, False, "true", "false")
            for field in fields
        )
