"""Comparisons of an output with other values, mostly with a literal."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.references import Reference
from shared.workflow.validate.code.value_marks import ValueMark
from shared.workflow.validate.returns import Program

_MOST: Final = 200
"""Comparisons of a piece of code that are read: each takes time."""
_STRICT: Final = frozenset({"===", "!=="})
_EQUALITIES: Final = frozenset({"==", "==="})
_ORDER: Final = frozenset({"<", ">", "<=", ">="})
_COMPARISONS: Final = {
    Language.JAVASCRIPT: """
(binary_expression left: (_) @one operator: ["===" "!==" "==" "!="] @operator right: (_) @other)
(switch_statement value: (parenthesized_expression (_) @one) body: (switch_body (switch_case value: (_) @other)))
(call_expression function: (member_expression object: (array) @list property: (property_identifier) @method)
 arguments: (arguments . (_) @one .) (#eq? @method "includes"))
""",
    Language.PYTHON: """
(comparison_operator . (_) @one . ["==" "!=" "<" ">" "<=" ">="] @operator . (_) @other .)
(comparison_operator . (_) @one . ["in" "not in"] . [(list) (tuple) (set)] @list .)
""",
}
_LITERAL: Final = re.compile(
    r"(?P<quote>[\"'])(?P<string>[^\"'\\\n]*)(?P=quote)"
    r"|(?P<number>-?[0-9]{1,15}(?:\.[0-9]{1,15})?)|(?P<boolean>true|false|True|False)"
)
_OTHER_LITERALS: Final = {Language.JAVASCRIPT: ("True", "False"), Language.PYTHON: ("true", "false")}


class Comparison(NamedTuple):
    """A comparison of an output with another value."""

    part: Reference
    shown: str
    """The reference, after the name that the code gives to it."""
    at: int
    """Position of the output."""
    kind: str
    """Type of the literal: string, number or boolean; empty for another value."""
    literal: str
    """Text, or source of a number or boolean."""
    is_strict: bool
    """Whether values of different types are never equal."""
    is_order: bool = False
    """Whether the code asks in Python which value is greater, which fails for different types."""
    is_equality: bool = False
    """Whether the code asks for this value alone."""


def comparisons(template: CodeTemplate, program: Program | None, marks: Sequence[ValueMark]) -> list[Comparison]:
    """Return the comparisons in a program of outputs and of names that have only an output as their value."""
    shown = {name: (part, part.raw) for name, part in template.value_references.items()}
    shown |= {mark.name: (mark.part, mark.shown) for mark in marks if mark.text is template.program}
    return list(islice(_found(template.language, program, shown), _MOST)) if program and shown else []


def is_only_compared(found: Sequence[Comparison], reads: Mapping[Reference, int]) -> bool:
    """Return whether code reads an output only for its comparisons. `reads` are the numbers of marks of each output."""
    part = found[0].part
    names = {each.shown for each in found} - {part.raw}
    return reads[part] == len({each.at for each in found}) + len(names)


def _found(language: Language, program: Program, shown: Mapping[str, tuple[Reference, str]]) -> Iterator[Comparison]:
    root, source = program
    cursor = tree_sitter.QueryCursor(query(language, _COMPARISONS[language]))
    for _, captures in cursor.matches(root):
        operator = source_of(captures["operator"][0], source) if "operator" in captures else ""
        is_strict = language is Language.PYTHON or not operator or operator in _STRICT
        one = _bare(captures["one"][0])
        for other in map(_bare, captures.get("other") or captures["list"][0].named_children[:_MOST]):
            for output, value in ((one, other), (other, one)) if operator else ((one, other),):
                if found := shown.get(source_of(output, source)):
                    literal = _LITERAL.fullmatch(source_of(value, source))
                    kind = _kind(literal, language) if literal else ""
                    text = literal[kind] if literal and kind else ""
                    is_order, is_equality = operator in _ORDER, operator in _EQUALITIES
                    yield Comparison(*found, output.start_byte, kind, text, is_strict, is_order, is_equality)


def _kind(literal: re.Match[str], language: Language) -> str:
    if literal["boolean"] in _OTHER_LITERALS[language]:
        return ""
    return "string" if literal["quote"] else "number" if literal["number"] else "boolean"


def _bare(node: tree_sitter.Node) -> tree_sitter.Node:
    """Return a node without the parentheses around it."""
    while node.type == "parenthesized_expression" and len(node.named_children) == 1:
        node = node.named_children[0]
    return node
