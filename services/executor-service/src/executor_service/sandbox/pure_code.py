"""Recognize JavaScript that only computes a value from its inputs.

Such code leaves nothing in its realm, and behaves in a frozen realm as in a new one. The check accepts a part of the
language, and all other code counts as impure. Isolation does not depend on it: the realm that pure code shares is
frozen.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from tree_sitter import Node

from shared.workflow.compile.code_parser import Language, TooComplex, parse

_MAX_CHARS: Final = 1024
"""Longer code counts as impure: a check delays other runs, by up to 0.12 s for hostile code of this length."""
_MAX_DEPTH: Final = 64
_REMEMBERED: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_TEXT: Final = re.compile(r"[^\\]*")
_UNSUPPORTED: Final = re.compile(r"[\u2028\u2029]|<!--|-->")
"""Line ends and comments that parsers read differently."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNSAFE_NAMES: Final = _words("arguments callee caller constructor eval prototype stack")
"""With `stack`, which names functions of V8 that it calls only in a frozen realm."""
_INHERITED_NAMES: Final = _words("hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf")
"""An assignment to one of them fails in the frozen realm, and creates an own property in a new one."""
_VALUES: Final = _words("undefined NaN Infinity")
_CONVERSIONS: Final = _words("String Number Boolean parseInt parseFloat isNaN isFinite")
_FUNCTIONS: Final = _CONVERSIONS | _words("encodeURIComponent decodeURIComponent encodeURI decodeURI")
_CLASSES: Final = _words("Date Map Set Error TypeError RangeError")
_STATIC_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "Array": _words("from isArray of"),
    "Date": _words("UTC now parse"),
    "JSON": _words("parse stringify"),
    "Math": _words(
        "E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atan2 atanh cbrt ceil clz32 cos cosh"
        " exp expm1 floor fround hypot imul log log10 log1p log2 max min pow round sign sin sinh sqrt tan tanh trunc"
    ),
    "Number": _words(
        "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE isFinite isInteger isNaN isSafeInteger"
        " parseFloat parseInt"
    ),
    "Object": _words("entries fromEntries hasOwn is keys values"),
    "String": _words("fromCharCode fromCodePoint"),
    "console": _words("debug error info log warn"),
}
"""Without `Math.random`, whose sequence a realm shares."""
_LEAVES: Final = _words(
    "break_statement comment continue_statement empty_statement escape_sequence false null number optional_chain regex"
    " string_fragment true undefined"
)
_COMPOSED: Final = _words(
    "array binary_expression computed_property_name do_statement else_clause expression_statement finally_clause"
    " if_statement object parenthesized_expression return_statement sequence_expression spread_element string"
    " switch_case switch_default switch_statement template_string template_substitution ternary_expression"
    " throw_statement try_statement while_statement"
)
_BLOCKS: Final = _words("program statement_block switch_body")
_CASES: Final = _words("switch_case switch_default")

_Scope = dict[str, bool]
"""Declared names, and whether each is a constant that holds an object of this code."""


class _Impure(Exception):
    """The code is not recognized as pure."""


def is_pure(code: str, names: Iterable[str]) -> bool:
    """Return whether a function body with these parameters only computes a value."""
    return len(code) <= _MAX_CHARS and _is_pure(code, tuple(names))


@lru_cache(_REMEMBERED)
def _is_pure(code: str, names: tuple[str, ...]) -> bool:
    if _UNSUPPORTED.search(code):
        return False
    try:
        root = parse(code.encode(errors="surrogatepass"), Language.JAVASCRIPT).root_node
        if root.has_error:
            return False
        _Check(names).visit(root)
    except (_Impure, TooComplex):
        return False
    return True


class _Check:
    """Walk over a syntax tree. Each method raises _Impure at anything that is not allowed."""

    def __init__(self, parameters: Sequence[str]) -> None:
        self._scopes: list[_Scope] = [dict.fromkeys(parameters, False)]
        self._depth = 0

    def visit(self, node: Node | None) -> None:
        """Check a node and its children."""
        if node is None or node.type in _LEAVES:
            return
        with self._nested():
            if node.type in _BLOCKS:
                with self._scope():
                    self._visit_block(node)
            elif node.type in _COMPOSED:
                self._visit_children(node)
            elif node.type in _RULES:
                _RULES[node.type](self, node)
            else:
                raise _Impure

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _Impure
        yield
        self._depth -= 1

    @contextmanager
    def _scope(self) -> Iterator[None]:
        self._scopes.append({})
        yield
        self._scopes.pop()

    def _visit_children(self, node: Node) -> None:
        for child in node.named_children:
            self.visit(child)

    def _visit_block(self, node: Node) -> None:
        for child in node.named_children:
            for statement in child.named_children if child.type in _CASES else (child,):
                self._declare_in(statement)
        self._visit_children(node)

    def _declare_in(self, statement: Node) -> None:
        if statement.type == "function_declaration":
            self._declare(_field(statement, "name"))
        elif statement.type == "lexical_declaration":
            is_constant = _text(_field(statement, "kind")) == "const"
            for declared in statement.named_children:
                value = declared.child_by_field_name("value")
                is_object = is_constant and value is not None and value.type == "object"
                if declared.type == "variable_declarator":
                    self._declare(_field(declared, "name"), is_object=is_object)

    def _declare(self, pattern: Node, *, is_object: bool = False) -> None:
        """Declare the names in a pattern."""
        with self._nested():
            if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
                self._scopes[-1][_safe_name(pattern)] = is_object
            elif pattern.type in ("assignment_pattern", "object_assignment_pattern"):
                self._declare(_field(pattern, "left"))
            elif pattern.type == "pair_pattern":
                self._declare(_field(pattern, "value"))
            elif pattern.type in ("object_pattern", "array_pattern", "rest_pattern"):
                for child in pattern.named_children:
                    self._declare(child)
            elif pattern.type != "comment":
                raise _Impure

    def _visit_pattern(self, pattern: Node) -> None:
        """Check what a pattern evaluates: default values and computed keys."""
        with self._nested():
            if pattern.type in ("assignment_pattern", "object_assignment_pattern"):
                self._visit_pattern(_field(pattern, "left"))
                self.visit(_field(pattern, "right"))
            elif pattern.type == "pair_pattern":
                self._visit_property(_field(pattern, "key"))
                self._visit_pattern(_field(pattern, "value"))
            else:
                for child in pattern.named_children:
                    self._visit_pattern(child)

    def _find(self, node: Node) -> bool | None:
        """Return what is known of a declared name; None if it is not declared."""
        name = _text(node)
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)

    def _is_global(self, node: Node, names: Container[str]) -> bool:
        return node.type == "identifier" and _text(node) in names and self._find(node) is None

    def _visit_identifier(self, node: Node) -> None:
        if self._find(node) is None and _text(node) not in _VALUES:
            raise _Impure

    def _visit_declaration(self, node: Node) -> None:
        for declared in node.named_children:
            if declared.type == "variable_declarator":
                self._visit_pattern(_field(declared, "name"))
                self.visit(declared.child_by_field_name("value"))

    def _visit_function(self, node: Node) -> None:
        _refuse_tokens(node, "async")
        with self._scope():
            if node.type == "function_expression" and (name := node.child_by_field_name("name")) is not None:
                self._declare(name)
            one, many = node.child_by_field_name("parameter"), node.child_by_field_name("parameters")
            parameters = [one] if one is not None else [] if many is None else many.named_children
            for parameter in parameters:
                self._declare(parameter)
            for parameter in parameters:
                self._visit_pattern(parameter)
            self.visit(_field(node, "body"))

    def _visit_catch(self, node: Node) -> None:
        with self._scope():
            if (parameter := node.child_by_field_name("parameter")) is not None:
                self._declare(parameter)
                self._visit_pattern(parameter)
            self.visit(_field(node, "body"))

    def _visit_for(self, node: Node) -> None:
        with self._scope():
            self._declare_in(_field(node, "initializer"))
            self._visit_children(node)

    def _visit_for_each(self, node: Node) -> None:
        _refuse_tokens(node, "await", "var")
        if node.child_by_field_name("kind") is None:
            raise _Impure
        self.visit(_field(node, "right"))
        with self._scope():
            self._declare(_field(node, "left"))
            self._visit_pattern(_field(node, "left"))
            self.visit(_field(node, "body"))

    def _visit_call(self, node: Node) -> None:
        called, arguments = _field(node, "function"), _field(node, "arguments")
        if not self._is_global(called, _FUNCTIONS):
            self.visit(called)
        self._visit_arguments(arguments)

    def _visit_new(self, node: Node) -> None:
        if not self._is_global(_field(node, "constructor"), _CLASSES):
            raise _Impure
        if (arguments := node.child_by_field_name("arguments")) is not None:
            self._visit_arguments(arguments)

    def _visit_arguments(self, node: Node) -> None:
        if node.type != "arguments":  # of a tagged template
            raise _Impure
        for argument in node.named_children:
            if not self._is_global(argument, _CONVERSIONS):
                self.visit(argument)

    def _visit_member(self, node: Node) -> None:
        of, name = _field(node, "object"), _safe_name(_field(node, "property"))
        if not self._is_global(of, _STATIC_NAMES):
            self.visit(of)
        elif name not in _STATIC_NAMES[_text(of)]:
            raise _Impure

    def _visit_subscript(self, node: Node) -> None:
        self.visit(_field(node, "object"))
        self._visit_property(_field(node, "index"))

    def _visit_pair(self, node: Node) -> None:
        self._visit_property(_field(node, "key"))
        self.visit(_field(node, "value"))

    def _visit_property(self, node: Node) -> None:
        """Check an expression or a literal that names a property."""
        self.visit(node)
        if node.type == "string":
            for part in node.named_children:
                _safe_name(part, _TEXT)

    def _visit_unary(self, node: Node) -> None:
        _refuse_tokens(node, "delete")
        self._visit_children(node)

    def _visit_assignment(self, node: Node) -> None:
        """Check an assignment to a declared variable, or to a named property of an object that a constant holds."""
        target = _field(node, "argument" if node.type == "update_expression" else "left")
        owner = target.child_by_field_name("object")
        if owner is None:
            if target.type != "identifier" or self._find(target) is None:
                raise _Impure
        elif owner.type != "identifier" or not self._find(owner) or not _has_own_name(target):
            raise _Impure
        self.visit(target)
        self.visit(node.child_by_field_name("right"))

    def _visit_key(self, node: Node) -> None:
        _safe_name(node)


_RULES: Final[Mapping[str, Callable[[_Check, Node], None]]] = {
    "arrow_function": _Check._visit_function,
    "assignment_expression": _Check._visit_assignment,
    "augmented_assignment_expression": _Check._visit_assignment,
    "call_expression": _Check._visit_call,
    "catch_clause": _Check._visit_catch,
    "for_in_statement": _Check._visit_for_each,
    "for_statement": _Check._visit_for,
    "function_declaration": _Check._visit_function,
    "function_expression": _Check._visit_function,
    "identifier": _Check._visit_identifier,
    "lexical_declaration": _Check._visit_declaration,
    "member_expression": _Check._visit_member,
    "new_expression": _Check._visit_new,
    "pair": _Check._visit_pair,
    "property_identifier": _Check._visit_key,
    "shorthand_property_identifier": _Check._visit_identifier,
    "subscript_expression": _Check._visit_subscript,
    "unary_expression": _Check._visit_unary,
    "update_expression": _Check._visit_assignment,
}


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _field(node: Node, name: str) -> Node:
    child = node.child_by_field_name(name)
    if child is None:
        raise _Impure
    return child


def _safe_name(node: Node, pattern: re.Pattern[str] = _NAME) -> str:
    """Return the name of a variable or property, which leads to nothing that scripts share."""
    name = _text(node)
    if name in _UNSAFE_NAMES or name.startswith("__") or not pattern.fullmatch(name):
        raise _Impure
    return name


def _has_own_name(node: Node) -> bool:
    """Return whether a member or subscript expression shows the name of a property that no object inherits."""
    index = node.child_by_field_name("index")
    if index is None:
        return _text(_field(node, "property")) not in _INHERITED_NAMES
    return index.type == "number" or (index.type == "string" and _text(index)[1:-1] not in _INHERITED_NAMES)


def _refuse_tokens(node: Node, *words: str) -> None:
    if any(child.type in words for child in node.children):
        raise _Impure
