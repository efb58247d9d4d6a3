"""Conditions with the same value in every run."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.js_values import to_number
from shared.workflow.format.suggestions import one_of
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_LITERAL: Final = re.compile(r"(?P<text>[\"'])|(?P<number>[1-9][0-9]*|0)(?![\w.])")
"""Beginning of a text without a prefix, or a whole number."""
_CHANGING: Final = re.compile(r"[(`]|\+\+|--|\b(?:await|yield)\b")
"""Parts of an expression that may have another value each time."""
_GETTERS: Final = re.compile(rb"\bget\b|definePropert|\bProxy\b")
"""Code whose members may have another value each time."""
_LONGEST_SHOWN: Final = 60
_MOST_OPERANDS: Final = 20
_EQUALS_NOTHING: Final = {
    "[]": "Compare the length: ….length === 0",
    "{}": "Count the keys: Object.keys(…).length === 0",
    "NaN": "Write Number.isNaN(…)",
}
_TYPES: Final = ("string", "number", "boolean", "undefined", "object", "function", "symbol", "bigint")
"""Values of typeof."""
_TYPE_CHECKS: Final = {
    "integer": "Number.isInteger(…)",
    "int": "Number.isInteger(…)",
    "array": "Array.isArray(…)",
    "list": "Array.isArray(…)",
    "null": "… === null",
    "NaN": "Number.isNaN(…)",
}
"""Types that typeof does not distinguish, and how to check for them."""
_OR: Final = """(binary_expression
 left: (binary_expression) operator: "||" right: [(string (string_fragment)) (number)] @always)"""
_PYTHON_OR: Final = """(boolean_operator
 left: [(comparison_operator) (boolean_operator)] operator: "or"
 right: [(string (string_content)) (integer)] @always)"""
_SET: Final = """[(array (_)) @listed
 (call_expression function: (member_expression object: (array) property: (property_identifier) @index))]"""
_POSITION: Final = """(call_expression function: (member_expression
 object: [(identifier) (member_expression) (call_expression)] property: (property_identifier) @position)
 arguments: (arguments . (string) .))"""
_AND_SET: Final = f'(binary_expression operator: "&&" {_SET})'
_CASE: Final = "(call_expression function: (member_expression property: (property_identifier) @case))"
_PYTHON_CASE: Final = "(call function: (attribute attribute: (identifier) @case))"
_CASED: Final = "(string (string_start) . (string_content) @cased . (string_end))"
_CASES: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(("toLowerCase", "toLocaleLowerCase", "lower"), str.lower),
    **dict.fromkeys(("toUpperCase", "toLocaleUpperCase", "upper"), str.upper),
}
"""Methods that change the case of a text, and their effect."""
_WHOLE: Final[Mapping[str, Callable[[str], str]]] = {**_CASES, "trim": str.strip}
"""Those and one that changes only the ends, so that a part may have what the text has not."""
_HIGHEST: Final = {
    **dict.fromkeys(("getDay", "getUTCDay"), 6),
    **dict.fromkeys(("getMonth", "getUTCMonth"), 11),
    **dict.fromkeys(("getHours", "getUTCHours"), 23),
}
"""Highest values of the parts of a date."""
_PLAIN: Final = re.compile(r"[ -\[\]-~]+")
"""A text without escape sequences and letters that have no ASCII code."""
_CONDITIONS: Final = {
    Language.JAVASCRIPT: f"""
(if_statement "if" @assigning
 condition: (parenthesized_expression (assignment_expression right: [(number) (string) (true) (false)])))
(while_statement "while" @assigning
 condition: (parenthesized_expression (assignment_expression right: [(number) (string)])))
[(if_statement condition: (parenthesized_expression {_OR}))
 (while_statement condition: (parenthesized_expression {_OR}))
 (ternary_expression condition: [{_OR} (parenthesized_expression {_OR})])]
[(binary_expression operator: ["===" "!==" "==" "!="]
  (parenthesized_expression (binary_expression operator: "||") @either))
 (switch_case value: (binary_expression operator: "||") @either)
 (call_expression function: (member_expression property: (property_identifier) @search)
  arguments: (arguments . (binary_expression operator: "||") @either)
  (#any-of? @search "includes" "startsWith" "endsWith" "indexOf" "has"))]
(binary_expression
 left: (binary_expression left: (_) @first operator: ["!==" "!="] right: [(string) (number)] @one)
 operator: "||"
 right: (binary_expression left: (_) @second operator: ["!==" "!="] right: [(string) (number)] @other))
(binary_expression left: (unary_expression operator: "!" argument: (_) @negated) operator: ["===" "!=="] @operator
 right: [(string) (number)] @value)
(binary_expression left: (call_expression function: (identifier) @number) operator: ["===" "!=="]
 right: (string) @text (#any-of? @number "Number" "parseInt" "parseFloat"))
(binary_expression operator: ["===" "!==" "==" "!="] right: [(array) (object) (identifier)] @never
 (#any-of? @never "[]" "{{}}" "NaN"))
([(if_statement condition: (parenthesized_expression {_SET})) (ternary_expression condition: {_SET})
 (program . (expression_statement {_SET}) .)
 (if_statement condition: (parenthesized_expression {_AND_SET})) (program . (expression_statement {_AND_SET}) .)]
 (#eq? @index "indexOf"))
(binary_expression left: {_CASE} operator: ["===" "!==" "==" "!="] right: (string . (string_fragment) @cased .))
(switch_statement value: (parenthesized_expression {_CASE})
 body: (switch_body (switch_case value: (string . (string_fragment) @cased .))))
(call_expression function: (member_expression object: {_CASE} property: (property_identifier) @part)
 arguments: (arguments . (string . (string_fragment) @cased .))
 (#any-of? @part "includes" "startsWith" "endsWith" "indexOf"))
(binary_expression
 left: [(binary_expression operator: "%" right: (number) @modulus)
  (parenthesized_expression (binary_expression operator: "%" right: (number) @modulus))]
 operator: ["===" "=="] right: (number) @remainder)
(binary_expression left: (call_expression function: (member_expression property: (property_identifier) @clock))
 operator: ["===" "=="] right: (number) @time)
[(binary_expression left: (_) @kept operator: "&&" right: (unary_expression operator: "!" argument: (_) @denied))
 (binary_expression left: (unary_expression operator: "!" argument: (_) @denied) operator: "&&" right: (_) @kept)]
(binary_expression left: (unary_expression operator: "!") operator: ["<" ">" "<=" ">="] @order right: (number) @bound)
([(if_statement condition: (parenthesized_expression {_POSITION})) (program . (expression_statement {_POSITION}) .)]
 (#eq? @position "indexOf"))
(binary_expression left: (unary_expression operator: "typeof") operator: ["===" "!==" "==" "!="]
 right: (string (string_fragment) @type))
""",
    Language.PYTHON: f"""
(comparison_operator . {_PYTHON_CASE} . ["==" "!="] . {_CASED} .)
(comparison_operator . {_CASED} . ["in" "not in"] . {_PYTHON_CASE} .)
(call function: (attribute object: {_PYTHON_CASE} attribute: (identifier) @part)
 arguments: (argument_list . {_CASED})
 (#any-of? @part "startswith" "endswith"))
[(if_statement condition: {_PYTHON_OR}) (elif_clause condition: {_PYTHON_OR})
 (while_statement condition: {_PYTHON_OR}) (conditional_expression . (_) . {_PYTHON_OR})]
[(comparison_operator (parenthesized_expression (boolean_operator operator: "or") @either))
 (call function: (attribute attribute: (identifier) @search)
  arguments: (argument_list . (boolean_operator operator: "or") @either)
  (#any-of? @search "startswith" "endswith" "index" "find" "count"))]
(boolean_operator
 left: (comparison_operator . (_) @first . "!=" . [(string) (integer)] @one .)
 operator: "or"
 right: (comparison_operator . (_) @second . "!=" . [(string) (integer)] @other .))
""",
}


def constant_conditions(code: CodeContext) -> Iterator[Mistake]:
    """Yield the comparisons and conditions whose value cannot change."""
    highest, has_getters = cache(partial(_highest, code)), _GETTERS.search(code.source) is not None
    for captures in code.matches(_CONDITIONS):
        for text in (*_problems(code, captures), *_misread_operators(code, captures, highest, has_getters=has_getters)):
            yield Mistake(next(iter(captures.values())), text)


def _problems(code: CodeContext, captures: Mapping[str, tree_sitter.Node]) -> Iterator[str]:
    """Yield why a condition has the same value in every run."""
    match {kind: code.text(node) for kind, node in captures.items()}:
        case {"assigning": _}:
            yield 'the condition assigns with "=". To compare, write "==="'
        case {"index": _}:
            yield "indexOf is 0 for the first entry, and -1, which counts as true, for none. Write […].includes(…)"
        case {"listed": _}:
            yield "a list is always true as a condition. Write […].includes(…)"
        case {"case": method, "cased": text} if method in (
            _CASES if "part" in captures else _WHOLE
        ) and _PLAIN.fullmatch(text):
            changed = _WHOLE[method](text)
            if changed not in ("", text) and not code.may_define(method) and not _has_text(code, changed):
                yield f'.{method}() never gives "{text}". Write "{changed}"'
        case {"always": value} if value.strip("0."):
            yield f"the condition is always true, because {value} alone is. Compare again: … == {value}"
        case {"never": value}:
            yield f"nothing equals {value}. {_EQUALS_NOTHING[value]}"
        case {"either": text} if first := _first_true(code, captures["either"]):
            shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
            yield f"{shown} is always {first}. Compare with each value, and join the comparisons"
        case {"first": of, "second": again, "one": one, "other": other} if is_one_value(of, again, one, other):
            operator = "and" if code.language is Language.PYTHON else "&&"
            reason = f"nothing equals both {one} and {other}"
            yield f"the condition is always true, because {reason}. Join with {operator}"
        case {"negated": _, "operator": operator, "value": value}:
            fix = "!==" if operator == "===" else "==="
            yield f"! negates the left side, and true or false never equals {value}. Write {fix} without !"
        case {"number": name, "text": text} if not code.is_redefined(name):
            yield f"{name}(…) is a number and never equals the text {text}. Compare it with a number"
        case {"type": name} if name not in _TYPES:
            hint = f" Write {_TYPE_CHECKS[name]}" if name in _TYPE_CHECKS else one_of(name, _TYPES)
            yield f'typeof is never "{name}".{hint}'


def _misread_operators(
    code: CodeContext, captures: Mapping[str, tree_sitter.Node], highest: Callable[[str], float], *, has_getters: bool
) -> Iterator[str]:
    """Yield why a condition with an operator or a method of the language has the same value in nearly every run."""
    match {kind: code.text(node) for kind, node in captures.items()}:
        case {"modulus": modulus, "remainder": rest} if to_number(rest) >= to_number(modulus) and _is_once(
            code, captures["modulus"].parent
        ):
            yield f"a remainder of % {modulus} is less than {modulus}, and never {rest}"
        case {"clock": method, "time": time} if to_number(time) > highest(method):
            yield f".{method}() counts from 0 to {_HIGHEST[method]}, and is never {time}"
        case {"kept": of, "denied": again} if of == again and not _CHANGING.search(of) and not has_getters:
            yield "the condition is never true, because it needs a value and its opposite. For either, write ||"
        case {"order": operator, "bound": number} if to_number(number) > 1:
            yield f"! negates the left side alone, which counts as 0 or 1. Write !(… {operator} {number})"
        case {"position": method} if not code.may_define(method):
            yield "indexOf is 0 at the start, and -1, which counts as true, for none. Write ….includes(…)"


def _highest(code: CodeContext, method: str) -> float:
    """Return the highest value of a part of a date; infinity if code may define the method, or reads it otherwise.

    A comparison with a value that the part never has is harmless beside one with 0.
    """
    compared = re.findall(rf"\.{method}\(\)\s*===?\s*[1-9]".encode(), code.source) if method in _HIGHEST else ()
    is_known = not code.may_define(method) and len(compared) == code.words[method.encode()]
    return _HIGHEST.get(method, math.inf) if is_known else math.inf


def _is_once(code: CodeContext, remainder: tree_sitter.Node | None) -> bool:
    """Return whether code has a remainder once: another comparison of it may have the meant value."""
    return remainder is not None and code.source.count(code.text(remainder).encode()) == 1


def _has_text(code: CodeContext, text: str) -> bool:
    """Return whether code has a text in quotes: a comparison with another one may be a harmless addition."""
    return any(f"{quote}{text}{quote}".encode() in code.source for quote in "\"'`")


def _first_true(code: CodeContext, node: tree_sitter.Node | None) -> str | None:
    """Return the first operand of an `or`, if it is a text or a number that counts as true."""
    for _ in range(_MOST_OPERANDS):
        operator = node.child_by_field_name("operator") if node else None
        if node is None or operator is None or operator.type not in ("||", "or"):
            break
        node = node.child_by_field_name("left")
    is_literal = node is not None and node.type in ("string", "number", "integer")
    text = code.text(node) if node and is_literal else ""
    return text if _LITERAL.match(text) and text.strip("0.'\"") else None


def is_one_value(of: str, again: str, one: str, other: str) -> bool:
    """Return whether two comparisons are of the same value, which cannot equal both literals."""
    kinds = [match.lastgroup for each in (one, other) if (match := _LITERAL.match(each))]
    is_same_kind = kinds in (["text", "text"], ["number", "number"])
    one, other = one.strip("\"'"), other.strip("\"'")
    is_different = one != other and to_number(one) != to_number(other)  # == may compare texts as numbers
    return of == again and is_same_kind and is_different and not _CHANGING.search(of)
