"""Code without effects: its result is lost where nothing uses it."""

import re
from functools import lru_cache
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import source_of
from shared.workflow.validate.code.form_rules import Form

_CALLS: Final = frozenset({"call", "call_expression"})
_READING: Final = frozenset(
    {"identifier", "property_identifier", "member_expression", "subscript_expression", "attribute", "subscript"}
    | {"number", "integer", "float", "true", "false", "null", "undefined", "none"}
    | {"regex", "regex_pattern", "regex_flags"}
    | {"string", "string_start", "string_content", "string_end", "string_fragment", "escape_sequence"}
    | {"template_string", "template_substitution", "interpolation", "array", "object", "pair", "list", "dictionary"}
    | {"binary_expression", "ternary_expression", "binary_operator", "comparison_operator", "parenthesized_expression"}
    | {"arguments", "argument_list", "optional_chain", "comment", "arrow_function", "formal_parameters"}
    | {"statement_block", "expression_statement", "return_statement", "lexical_declaration", "variable_declarator"}
    | _CALLS
)
"""Nodes that only read values, if calls do."""
_FUNCTIONS: Final = frozenset({"String", "Number", "parseInt", "parseFloat", "str", "int", "float", "len", "round"})
_METHODS: Final = frozenset(
    {"at", "concat", "endsWith", "flat", "includes", "indexOf", "join", "padEnd", "padStart", "slice", "split"}
    | {"startsWith", "substring", "toFixed", "toLowerCase", "toReversed", "toUpperCase", "trim", "trimEnd", "trimStart"}
    | {"strip", "lstrip", "rstrip", "upper", "lower", "capitalize"}
)
_CALLING: Final = {
    **dict.fromkeys(("map", "filter", "flatMap", "find", "some", "every", "toSorted"), 0),
    **dict.fromkeys(("replace", "replaceAll"), 1),
}
"""Methods that may call an argument, and its index."""
_NAMES: Final = frozenset({"identifier", "member_expression", "subscript_expression"})
_REFERENCE: Final = b"__flowport"
"""Start of the names of references, whose values are no functions."""
_OWN: Final = re.compile(
    rb"\b(?:Proxy|definePropert\w*|get|set|class|prototype|property|sim|os|pathlib|import_module)\b(?!\()"
    rb"|\b__(?!flowport)\w+__\b|\b(?:RegExp|lastIndex|namedtuple|mock)\b"
    rb"|(?<![.\w])(?:%(names)b)(?:[\"']|\]?\s*[:=(,}])|\.(?:%(names)b)\s*=(?!=)"
    % {b"names": "|".join(sorted({*_METHODS, *_CALLING})).encode()}
)
"""Code whose members may have effects, or other meanings."""


def is_result_lost(form: Form) -> bool:
    """Return whether a statement only computes a value, and is not the last: another check explains that one."""
    return form.node.next_named_sibling is not None and has_no_effect(form.node, form.program.source)


def has_no_effect(node: tree_sitter.Node, source: bytes) -> bool:
    """Return whether code only reads values, and calls functions of the language that change nothing."""
    pending = [] if _may_have_effects(source) else [node]
    is_reading = bool(pending)
    while pending and is_reading:
        each = pending.pop()
        is_reading = _is_negative_number(each) or (
            each.type in _READING and (each.type not in _CALLS or _changes_nothing(each, source))
        )
        pending.extend(each.named_children)
    return is_reading


def _is_negative_number(node: tree_sitter.Node) -> bool:
    argument = node.child_by_field_name("argument") if node.type in ("unary_expression", "unary_operator") else None
    return argument is not None and argument.type in ("number", "integer", "float")


def _changes_nothing(call: tree_sitter.Node, source: bytes) -> bool:
    function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    if function is None or arguments is None:
        return False
    if function.type == "identifier":
        return source_of(function, source) in _FUNCTIONS
    member = function.child_by_field_name("property") or function.child_by_field_name("attribute")
    name = source_of(member, source) if member else ""
    called = arguments.named_children[_CALLING[name] :][:1] if name in _CALLING else ()
    may_call = any(each.type in _NAMES and not source.startswith(_REFERENCE, each.start_byte) for each in called)
    return not may_call and (name in _METHODS or name in _CALLING)


@lru_cache(maxsize=8)
def _may_have_effects(source: bytes) -> bool:
    return _OWN.search(source) is not None
