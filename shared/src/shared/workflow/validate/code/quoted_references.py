"""References that code uses against their type: text in quotes, which is JSON there, comparisons and methods."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from functools import cache
from itertools import islice
from typing import Final

from shared.contracts.files import StoredFile
from shared.workflow.catalog import Catalog
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.input_format import read_input_format
from shared.workflow.format.js_values import MISSING, parse_json, to_number, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.references import Reference
from shared.workflow.format.response_format import read_response_format
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.code.comparisons import Comparison, is_only_compared
from shared.workflow.validate.code.function_values import FunctionValues
from shared.workflow.validate.code.member_names import ARRAY_MEMBERS, COMMON_METHODS, STRING_MEMBERS, names
from shared.workflow.validate.code.misread_answers import is_text
from shared.workflow.validate.code.spoiled_texts import is_spoiled
from shared.workflow.validate.code.value_marks import ValueMark
from shared.workflow.validate.settings.branch_settings import METHODS
from shared.workflow.validate.settings.input_fields import declared_types

_USED: Final = re.compile(
    r"\s*(?:[=!]=|\.(?!(?:slice|substr|substring)\(1\b|[lr]?strip\([^)]"
    r"|replace(?:All)?\((?:/[^/\n]*\"|'\"'|\"\\\"\"))[A-Za-z])"
)
"""A method or a comparison of a text, unless it removes the quotes."""
_LEFT: Final = re.compile(r"(?:^|&&|\|\||[(?]|\breturn|(?<![=!<>+*/%&|^-])=)\s*$")
_TEXT: Final = re.compile(
    r"\s*(?P<operator>[=!]==?)\s*(?P<quote>[\"'])(?P<text>[^\"'\\\n]*)(?P=quote)\s*(?:$|&&|\|\||[)?:;])"
)
"""Comparison of all that is on the left with a text."""
_TYPE_CHECK: Final = re.compile(r"\b(?:typeof|instanceof|isinstance|try)\b|\btype\(")
_NEAR: Final = 40
"""Characters before a reference that may have the operator."""
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
        **{"first": "at(0)", "last": "at(-1)", "isEmpty": "length === 0"},
        **{"lower": "toLowerCase", "upper": "toUpperCase", "strip": "trim", "append": "push", "add": "push"},
    },
    Language.PYTHON: {"toLowerCase": "lower", "toUpperCase": "upper", "trim": "strip", "push": "append"},
}
"""Members of the same meaning, by their names in other languages."""
_PYTHON_FORMS: Final = {
    **dict.fromkeys(("length", "size"), "len({})"),
    **dict.fromkeys(("includes", "contains", "has"), "… in {}"),
    **{"map": "[… for each in {}]", "filter": "[each for each in {} if …]", "forEach": "for each in {}:"},
    **{"some": "any(… for each in {})", "every": "all(… for each in {})"},
}
"""What Python writes for members of JavaScript."""
_OPEN: Final = re.compile(
    r"prototype|getPrototypeOf|__proto__|\b(?:try|suppress|hasattr|typeof|instanceof|isinstance|globals)\b|\btype\(",
    re.IGNORECASE,
)
"""Code that may add methods to all values, expects that one is missing, or looks at the type of a value."""
_UNCALLED: Final = re.compile(r"[ \t\r]*+(?:[=!]==?\s*+[\"'\d]|\}|;|:?[ \t\r]*+(?:\n(?!\s*+[?&|.(\[)])|$))")
"""A place after a method that its value, a function, has no use for: calls, tests and arguments are others."""
_VALUE: Final = re.compile(r"(?:^|\breturn|&&|\|\||\$?\{|\b(?:if|and|or|not))\s*\(?\s*$")
_CLOSE: Final = 0.8
_MOST: Final = 20
"""Members of a piece of code that are compared: each takes time."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_OF_FILES: Final = frozenset(StoredFile.__struct_fields__)
_ALTERNATIVE: Final = re.compile(r"(?:\?\?|\|\||&&|[?:!]|\b(?:if|while) *\()\s*$")
_TEST: Final = re.compile(r"\s*(?:\?|\|\||&&)")
"""What precedes and follows a member in code that takes a list and a single value."""


class QuotedReferences:
    """Finds references to text in quotes, and uses of references against their type."""

    def __init__(self, state: WorkflowState, catalog: Catalog) -> None:
        self._state, self._catalog = state, catalog
        self._outputs: dict[str, Outputs] = {}
        self._is_strict: dict[str, bool] = {}
        """Whether the answer of an agent has the types of its response format."""
        self._declared, self._values = declared_types(state), FunctionValues(state)

    def found(self, template: CodeTemplate) -> Iterator[str]:
        """Yield the problem of each one that is compared, has a method, or is in a text that its quotes spoil."""
        source, values = template.source, template.value_references
        joined = 'f"… {{{}}}"' if template.language is Language.PYTHON else "`… ${{{}}}`"
        for start, end, part, name in template.marks:
            if not isinstance(part, Reference) or name in values:
                continue
            quotes = source[start - 1 : start] + source[end : end + 1]
            is_whole = quotes in ('""', "''")
            if self._type(part) == "string" and is_spoiled(source, start, end):
                fix = "it without quotes" if is_whole else joined.format(part.raw)
                yield f"{part.raw} in quotes is the JSON of the text, with its own quotes. Write {fix}"
                continue
            if not is_whole:
                continue
            is_compared = source[max(0, start - _NEAR) : start - 1].rstrip().endswith(("==", "!="))
            is_used = (is_compared or _USED.match(source, end + 1)) and self._type(part) == "string"
            match = _TEXT.match(source, end + 1)
            is_alone = match and _LEFT.search(source, max(0, start - _NEAR), start - 1)
            if is_used or (match and is_alone and match["text"] and parse_json(match["text"]) is MISSING):
                yield f"{part.raw} in quotes is the JSON of the text, with its own quotes. Write it without quotes"

    def never_equal(
        self, template: CodeTemplate, comparisons: Sequence[Comparison], marks: Sequence[ValueMark]
    ) -> Iterator[str]:
        """Yield why no comparison of an output holds, if the code reads it only to compare it with another type.

        Runs convert inputs and variables, a strict response format gives the fields of an answer their types, and a
        form refuses answers of other types. Code that also reads the value in other ways may accept several types.
        """
        if _TYPE_CHECK.search(template.source):
            return
        compared: dict[Reference, list[Comparison]] = {}
        for each in comparisons:
            compared.setdefault(each.part, []).append(each)
        reads = Counter(mark.part for mark in marks)
        for found in compared.values():
            is_only = is_only_compared(found, reads)
            wrong = [self._mismatch(each, template.language) for each in found] if is_only else []
            if wrong and all(wrong):
                yield f"{found[0].shown} is a {wrong[0]}"

    def _mismatch(self, compared: Comparison, language: Language) -> str | None:
        """Return the type of an output that never equals a literal of another type, and the fix."""
        kind, text, is_strict = self._certain_type(compared.part), compared.literal, compared.is_strict
        is_checked = self._is_answer(compared.part) or self._is_form(compared.part) or self._is_result(compared.part)
        true, false = ("True", "False") if language is Language.PYTHON else ("true", "false")
        problem = None
        match kind, compared.kind:
            case ("string", "number") | ("number", "string") if compared.is_order and not is_checked:
                problem = f"{kind}, which Python does not compare with a {compared.kind}"
            case _ if compared.is_order:
                pass
            case "boolean", "string" if text in ("true", "false"):
                problem = f"boolean and never equals a string. Write {true if text == 'true' else false} without quotes"
            case "boolean", "number" if (
                is_strict and language is Language.JAVASCRIPT and (is_checked or text in ("0", "1"))
            ):
                problem = "boolean and never equals a number. Compare it with true or false"
            case "boolean", "string" if text and is_checked and (is_strict or math.isnan(to_number(text))):
                problem = f"boolean and never equals a string. Write {true} or {false} without quotes"
            case "number", "string" if is_strict and _NUMBER.fullmatch(text):
                problem = f"number and never equals a string. Write {text} without quotes"
            case "number", "string" if text and self._is_score(compared.part) and math.isnan(to_number(text)):
                problem = "number and never equals a text. Compare it with a number"
            case "string", "boolean" if is_strict:
                problem = "string and never equals a boolean. Compare it with a text in quotes"
            case "string", "number" if is_strict and not is_checked:
                problem = f"string and never equals a number. Write {text} in quotes"
        return problem

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
        members = list(islice(found, _MOST)) if not _OPEN.search(template.source) else []
        tested = {match["name"] for match, mark in members if _is_tested(mark, match)}
        for match, mark in members:
            shown, name, kind = mark.shown, match["name"], self._type(mark.part) or ""
            if template.is_expression and name in METHODS:  # other checks report it
                continue
            if match["call"] and re.search(rf"\.{name}\b(?!\s*\()", template.source):  # maybe a test for the method
                continue
            if kind == "file[]" and name in _OF_FILES - tested and not match["call"]:
                entry = f"{mark.part.raw[:-1]}[0].{name}>"
                yield f"{shown} is a list of files, which has no .{name}", entry
                continue
            near = meant.get(name) or nearest(name, sorted(usual.get(kind, known)), least=_CLOSE)
            form = _PYTHON_FORMS.get(name, "").format(mark.name) if is_python else ""
            is_attribute = is_python and (not match["call"] or form.startswith("len"))
            what = f"{shown} has no attribute .{name}" if is_attribute else f"{shown} has no method .{name}()"
            if match["call"] or (form and kind != "object"):
                yield what, form or (near and f".{near}")
            elif is_python:
                yield what, f".{near}" if near and (kind in usual or name in meant) else mark.field(name)
            elif near and kind in usual and name not in meant:
                yield f"{shown} has no .{name}", f".{near}"

    def wrong_members(self, template: CodeTemplate, marks: Sequence[ValueMark]) -> Iterator[str]:
        """Yield the methods that code calls on a value without them, and the methods of texts that it does not call."""
        is_python = template.language is Language.PYTHON
        texts, lists = _USUAL[template.language]["string"], _USUAL[template.language]["array"]
        only_of_lists, of_numbers = lists - texts, {*dir(int)} if is_python else COMMON_METHODS
        is_tested = cache(lambda name: re.search(rf"\.{name}\b(?!\s*\()", template.source) is not None)
        for mark in () if _OPEN.search(template.source) or "isArray" in template.source else marks:
            match, kind = _MEMBER.match(mark.text, mark.end), self._certain_type(mark.part)
            if match is None or kind not in ("string", "number", "boolean"):
                continue
            name, before = match["name"], mark.text[max(0, mark.start - _NEAR) : mark.start]
            if kind != "string":
                is_declared = kind == "number" and not (self._is_answer(mark.part) or self._is_form(mark.part))
                if match["call"] and name in (texts | lists) - of_numbers and not is_tested(name) and not is_declared:
                    hint = f"{'str' if is_python else 'String'}({mark.name})"
                    yield f"{mark.shown} is a {kind}, which has no .{name}().{did_you_mean(hint)}"
            elif match["call"] and name in only_of_lists and not is_tested(name):
                hint = "" if is_python or name == "push" else f". Write {mark.name}.split(…).{name}(…)"
                yield f"{mark.shown} is a string, which has no .{name}(){hint}"
            elif (
                name[0] != "_"
                and name in texts - {"length"}
                and _UNCALLED.match(mark.text, match.end())
                and _VALUE.search(before)
            ):
                yield f"{mark.shown}.{name} is a method. Write .{name}()"

    def _certain_type(self, reference: Reference) -> str | None:
        """Return the type of an output in all runs: string, number or boolean; None if it may have others."""
        key = to_string(reference.path[0]) if len(reference.path) == 1 else ""
        kind = self._declared.get((reference.name, key))
        target = self._state.block_named(reference.name)
        if self._is_answer(reference) or self._is_form(reference):
            kind = self._type(reference)
        elif target is not None and target.type == "guardrails":
            kind = "boolean" if key == "passed" else None
        elif self._is_score(reference):
            kind = "number"
        elif self._is_result(reference):
            kind = "boolean"
        elif is_text(self._state, reference):
            kind = "string"
        return "number" if kind == "integer" else kind

    def _type(self, reference: Reference) -> str | None:
        target = self._state.block_named(reference.name)
        spec = self._catalog.spec(target.type) if target else None
        if target is None or spec is None or len(reference.path) != 1:
            return None
        if target.id not in self._outputs:
            self._outputs[target.id] = spec.declared_outputs(target)
        field = self._outputs[target.id].get(to_string(reference.path[0]))
        return field.type if field else None

    def _is_answer(self, reference: Reference) -> bool:
        """Return whether a reference reads the answer of an agent with a strict response format."""
        target = self._state.block_named(reference.name)
        if target is None or target.type != "agent":
            return False
        if target.id not in self._is_strict:
            found = read_response_format(target.value("responseFormat"))
            self._is_strict[target.id] = found is not None and found.strict
        return self._is_strict[target.id]

    def _is_result(self, reference: Reference) -> bool:
        """Return whether a reference reads a function's result, or a field of it, that is always a boolean."""
        return self._values.types(reference) == {"boolean"}

    def _is_score(self, reference: Reference) -> bool:
        """Return whether a reference reads a score of an evaluator, which is 0 if the model gives none."""
        target = self._state.block_named(reference.name)
        return target is not None and target.type == "evaluator" and self._type(reference) == "number"

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


def _is_tested(mark: ValueMark, match: re.Match[str]) -> bool:
    """Return whether code may read a member of a list only if it is none, or adds the member."""
    is_added = re.search(rf"\.{match['name']}\s*=(?!=)", mark.text)
    before = mark.text[max(0, mark.start - _NEAR) : mark.start]
    is_choice = _ALTERNATIVE.search(before) or _TEST.match(mark.text, match.end())
    return "isArray" in mark.text or is_added is not None or is_choice is not None
