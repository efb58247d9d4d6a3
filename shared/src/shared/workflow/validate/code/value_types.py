"""Types that values in code have in every run: of literals, of results of the language, and of declared inputs."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext
from shared.workflow.validate.code.member_names import names

_MOST_STEPS: Final = 10
"""Names and operators between a value and the literal that decides its type."""
_MOST_VALUES: Final = 50
"""A value that may be one of more expressions counts as unknown."""
_PARTS_OF_CHOICE: Final = 3
_NAMES: Final = frozenset({"identifier", "shorthand_property_identifier"})
_LONGEST_SHOWN: Final = 40
_LONGEST_READ: Final = 400
_LITERALS: Final = {
    **dict.fromkeys(("integer", "float", "number"), "number"),
    **dict.fromkeys(("string", "template_string", "concatenated_string"), "string"),
    **dict.fromkeys(("list", "list_comprehension", "array"), "array"),
    **dict.fromkeys(("dictionary", "dictionary_comprehension", "object"), "object"),
    "regex": "regex",
}
_CALLED: Final = {
    Language.JAVASCRIPT: {
        **dict.fromkeys(("Number", "parseInt", "parseFloat", "Date.now"), "number"),
        **dict.fromkeys(("Math.round", "Math.floor", "Math.ceil", "Math.min", "Math.max"), "number"),
        **dict.fromkeys(("Object.keys", "Object.values", "Object.entries", "Array.from"), "array"),
        "String": "string",
    },
    Language.PYTHON: {
        **dict.fromkeys(("len", "int", "float", "sum", "round", "abs"), "number"),
        "str": "string",
        **dict.fromkeys(("list", "sorted"), "array"),
        "dict": "object",
    },
}
"""Functions, and the types of their results."""
_TEXT_METHODS: Final = names(
    "trim toLowerCase toUpperCase replace replaceAll padStart padEnd slice substring repeat"
) | names("strip lower upper title capitalize format join rjust ljust")
_OF_LISTS: Final = {
    Language.JAVASCRIPT: {
        **dict.fromkeys(("concat", "filter", "flat", "flatMap", "map", "reverse", "slice", "sort"), "array"),
        **dict.fromkeys(("toReversed", "toSorted"), "array"),
        **dict.fromkeys(("findIndex", "indexOf", "lastIndexOf", "push", "unshift"), "number"),
        "join": "string",
    },
    Language.PYTHON: {**dict.fromkeys(("count", "index"), "number"), "copy": "array"},
}
"""Methods of lists, and the types of their results."""
_CHANGING: Final = frozenset({"append", "extend", "insert", "setdefault", "update"})
_BYTES: Final = re.compile(rb"[rR]?[bB][rR]?[\"']")
_OTHERS: Final = re.compile(
    rb"\b(?:class|dataclass|namedtuple|SimpleNamespace|hasattr|getattr|isinstance|(?:__)?setitem)"
)
"""Code with values other than JSON, or that looks for attributes."""
_SUMS: Final = frozenset({"+", "-", "/", "//", "%", "**"})
"""Operators of Python that give a number if their left side is one."""
_BINDINGS: Final = {
    Language.JAVASCRIPT: """
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @name value: (_) @value))
""",
    Language.PYTHON: """
(assignment left: (identifier) @name !type right: (_) @value)
(augmented_assignment left: (identifier) @augmented operator: _ @operator)
[(for_statement left: (identifier) @name right: (_) @of) (for_in_clause left: (identifier) @name right: (_) @of)]
(call function: (identifier) @function arguments: (argument_list . (_) @of
 (keyword_argument value: (lambda parameters: (lambda_parameters . (identifier) @name .))))
 (#any-of? @function "sorted" "min" "max"))
(call function: (attribute object: (_) @of attribute: (identifier) @function) arguments: (argument_list
 (keyword_argument value: (lambda parameters: (lambda_parameters . (identifier) @name .))))
 (#eq? @function "sort"))
[(attribute object: (_) @changed attribute: (identifier) @method)
 (assignment left: [(subscript value: (_) @changed) (_ (subscript value: (_) @changed))])]
(call function: (identifier) @function arguments: (argument_list
 . (lambda parameters: (lambda_parameters . (identifier) @name .)) . (_) @of .)
 (#any-of? @function "map" "filter"))
""",
}


class Declared(NamedTuple):
    """A reference by the name that the program gives to it."""

    raw: str
    kind: str | None = None
    """Type to which runs convert the value."""
    fields: frozenset[str] = frozenset()
    """Fields that the value always has, if no others; empty if unknown."""


class ValueTypes:
    """Finds the types of values. A name has one if code gives it only values of this type."""

    def __init__(self, code: CodeContext, references: Mapping[str, Declared]) -> None:
        self._code, self.references = code, references
        self._values: dict[str, list[tree_sitter.Node]] = {}
        self._lists: dict[str, list[tree_sitter.Node]] = {}
        self._augmented: set[str] = set()
        multiplied: set[str] = set()
        changed: list[tuple[tree_sitter.Node, tree_sitter.Node | None]] = []
        for captures in code.matches(_BINDINGS):
            if "operator" in captures:
                name = code.text(captures["augmented"])
                self._augmented.add(name)
                if captures["operator"].type == "*=":
                    multiplied.add(name)
                continue
            if "changed" in captures:
                changed.append((captures["changed"], captures.get("method")))
                continue
            kept, node = (self._values, captures["value"]) if "value" in captures else (self._lists, captures["of"])
            kept.setdefault(code.text(captures["name"]), []).append(node)
        for name in {*self._values, *self._lists}:
            values, lists = self._values.get(name, ()), self._lists.get(name, ())
            is_unknown = name in multiplied | code.parameters or b"globals" in code.words
            if is_unknown or len(values) + len(lists) != len(code.bindings.get(name, ())):
                self._values.pop(name, None)
                self._lists.pop(name, None)
        self._bound = {*code.bindings, *code.parameters}
        self._known: dict[str, str | None] = {}
        self._known_json: dict[str, bool] = {}
        self.has_other_values = (
            _OTHERS.search(code.source) is not None
            or any(
                (method is None or code.text(method) in _CHANGING) and self._may_be_json(node)
                for node, method in changed
            )
            or any(self.is_json(value) for name in self._augmented for value in self._values.get(name, ()))
        )
        """Whether the code may put values other than JSON into those of references."""

    def of(self, node: tree_sitter.Node, steps: int = _MOST_STEPS) -> str | None:
        """Return number, string, array, object or regex, if a value certainly has this type."""
        kind = _LITERALS.get(node.type)
        if kind or not steps:
            return None if self.is_bytes(node) else kind
        match node.type:
            case "identifier":
                kind = self._of_name(self._code.text(node), steps - 1)
            case "parenthesized_expression" if len(node.named_children) == 1:
                kind = self.of(node.named_children[0], steps - 1)
            case "call" | "call_expression":
                kind = self._of_call(node, steps - 1)
            case "binary_operator":
                kind = self._of_operator(node, steps - 1)
        return kind

    def is_bytes(self, literal: tree_sitter.Node) -> bool:
        """Return whether a literal of Python has bytes."""
        return _BYTES.match(self._code.source, literal.start_byte) is not None

    def reference(self, node: tree_sitter.Node, steps: int = _MOST_STEPS) -> Declared | None:
        """Return the reference that a name has as its only value."""
        name = self._code.text(node)
        if node.type != "identifier" or name in self.references or not steps:
            return self.references.get(name)
        values = [] if name in self._lists else self._values.get(name, [])
        return self.reference(values[0], steps - 1) if len(values) == 1 else None

    def values(self, node: tree_sitter.Node) -> list[tree_sitter.Node]:
        """Return the expressions that a value is one of: both sides of a choice, and all that a name may have."""
        pending, found, names = [node], [], set[str]()
        while pending:
            each = pending.pop()
            inner = self._choices(each)
            if each.type in _NAMES and inner:
                name = self._code.text(each)
                inner = () if name in names else inner
                names.add(name)
            elif not inner:
                found.append(each)
            pending.extend(inner)
            if len(pending) + len(found) > _MOST_VALUES:
                return [node]
        return found or [node]

    def _choices(self, node: tree_sitter.Node) -> Sequence[tree_sitter.Node]:
        children = node.named_children
        match node.type:
            case "identifier" | "shorthand_property_identifier":
                name = self._code.text(node)
                is_known = name not in self._lists and name not in self._augmented
                return self._values.get(name, ()) if is_known else ()
            case "parenthesized_expression" if len(children) == 1:
                return children
            case "ternary_expression" if len(children) == _PARTS_OF_CHOICE:
                return children[1:]
            case "conditional_expression" if len(children) == _PARTS_OF_CHOICE:
                return [children[0], children[2]]
        return ()

    def is_json(self, node: tree_sitter.Node, steps: int = _MOST_STEPS) -> bool:
        """Return whether Python code reads a value, or a part of one, from a reference: none has attributes."""
        if not steps:
            return False
        match node.type:
            case "identifier":
                return self._is_json_name(self._code.text(node), steps - 1)
            case "subscript" | "parenthesized_expression" | "list_comprehension":
                child = node.child_by_field_name("value") or node.child_by_field_name("body") or node.named_children[0]
                return self.is_json(child, steps - 1)
            case "call":
                return self._is_json_call(node, steps - 1)
        return False

    def _may_be_json(self, node: tree_sitter.Node) -> bool:
        """Return whether a value may be that of a reference, which code may have passed to a function."""
        return self.is_json(node) or self.of(node) is None

    def shown(self, node: tree_sitter.Node) -> str:
        """Return the source of a node, with its references as typed."""
        start, end = node.start_byte, min(node.end_byte, node.start_byte + _LONGEST_READ)
        text = self._code.source[start:end].decode(errors="replace")
        shown = re.sub(r"\w+", lambda word: self.references.get(word[0], Declared(word[0])).raw, text)
        return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"

    def _of_name(self, name: str, steps: int) -> str | None:
        if name in self.references:
            return self.references[name].kind
        if name not in self._known:
            self._known[name] = None  # while its values are read, which may have the name itself
            values = [] if name in self._lists else self._values.get(name, [])
            kinds = {self.of(each, steps) for each in values}
            self._known[name] = kinds.pop() if len(kinds) == 1 else None
        return self._known[name]

    def _of_call(self, call: tree_sitter.Node, steps: int) -> str | None:
        function = call.child_by_field_name("function")
        if function is None:
            return None
        name = self._code.text(function) if function.end_byte - function.start_byte <= _LONGEST_SHOWN else ""
        if kind := _CALLED[self._code.language].get(name):
            arguments = call.child_by_field_name("arguments")
            has_start = arguments is not None and arguments.type == "argument_list" and arguments.named_child_count > 1
            is_list = name == "sum" and has_start  # sum(lists, [])
            first, *members = name.split(".")
            is_own = first in self._bound or not self._code.added_members.isdisjoint(members)
            return None if is_list or is_own else kind
        of = function.child_by_field_name("object")
        member = function.child_by_field_name("property") or function.child_by_field_name("attribute")
        method = self._code.text(member) if member else ""
        kind = self.of(of, steps) if of and method not in self._code.added_members else None
        if kind == "array":
            return None if self._code.may_define(method) else _OF_LISTS[self._code.language].get(method)
        if kind == "string":
            return "string" if method in _TEXT_METHODS else "array" if method == "split" else None
        return "string" if kind == "number" and method == "toFixed" else None

    def _of_operator(self, node: tree_sitter.Node, steps: int) -> str | None:
        left, operator, right = (node.child_by_field_name(each) for each in ("left", "operator", "right"))
        if left is None or operator is None or right is None:
            return None
        kind = self.of(left, steps)
        if kind == "number" and (operator.type in _SUMS or (operator.type == "*" and self.of(right, steps) == kind)):
            return kind
        return kind if kind == "string" and operator.type in ("+", "%") else None

    def _is_json_name(self, name: str, steps: int) -> bool:
        if name in self.references or (name == "environmentVariables" and name not in self._bound):
            return True
        if name not in self._known_json:
            self._known_json[name] = False
            nodes = [*self._values.get(name, ()), *self._lists.get(name, ())]
            is_kept = bool(nodes) and name not in self._augmented
            self._known_json[name] = is_kept and all(self.is_json(each, steps) for each in nodes)
        return self._known_json[name]

    def _is_json_call(self, call: tree_sitter.Node, steps: int) -> bool:
        function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        if function is None or arguments is None:
            return False
        values = arguments.named_children
        of, method = function.child_by_field_name("object"), function.child_by_field_name("attribute")
        if of is not None and method is not None:
            is_part = (self._code.text(method), len(values)) in (("get", 1), ("values", 0), ("pop", 0))
            return is_part and self.is_json(of, steps)
        is_copy = self._code.text(function) in ("sorted", "list", "reversed") and values
        return bool(is_copy) and self._code.text(function) not in self._bound and self.is_json(values[0], steps)
