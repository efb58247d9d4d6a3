"""Names that code declares twice, uses outside of their scope or before their value, and assignments to constants."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake
from shared.workflow.validate.code.known_names import KNOWN_NAMES

_MOST_USES: Final = 200
"""Uses before a declaration that are checked: each takes time."""
_MOST_SCOPES: Final = 20
"""A name with more declarations is left out: each assignment is compared with all of them."""
_DECLARATIONS: Final = {
    Language.JAVASCRIPT: """
(_ (lexical_declaration kind: _ @kind (variable_declarator name: (identifier) @name) @value)) @scope
"""
}
_USES: Final = {Language.JAVASCRIPT: "[(identifier) (shorthand_property_identifier)] @name"}
_FUNCTION: Final = re.compile("function|method|static|field_definition|class")
"""Nodes whose code may run later."""
_CHANGED: Final = {
    Language.PYTHON: """
[(function_definition name: (identifier) @function) (class_definition name: (identifier) @function)] @scope
(augmented_assignment left: (identifier) @name)
"""
}
_ASSIGNMENTS: Final = {
    Language.JAVASCRIPT: """
(augmented_assignment_expression left: (identifier) @name)
(assignment_expression left: (identifier) @name)
(update_expression argument: (identifier) @name)
"""
}


class _Scope(NamedTuple):
    start: int
    end: int
    is_constant: bool
    node: tree_sitter.Node
    declared: int
    """End of the declaration, which gives the name its value."""


def declaration_mistakes(code: CodeContext) -> Iterator[Mistake]:
    """Yield the names declared twice in a scope, and the assignments to constants outside of `try`."""
    scopes: dict[str, dict[int, _Scope]] = {}
    for captures in code.matches(_DECLARATIONS):
        scope, kind, name = captures["scope"], captures["kind"], code.text(captures["name"])
        known = scopes.setdefault(name, {})
        if scope.id in known:
            text = f'"{name}" is declared twice. Remove this {kind.type}, or rename one'
            yield Mistake(captures["name"], text)
            continue
        around = scope.parent if scope.type in ("switch_case", "switch_default") and scope.parent else scope
        span = around.start_byte, around.end_byte
        known[scope.id] = _Scope(*span, kind.type == "const", around, captures["value"].end_byte)
    for captures in code.matches(_ASSIGNMENTS):
        node, name = captures["name"], code.text(captures["name"])
        if name in code.ambiguous or len(scopes.get(name, ())) > _MOST_SCOPES:
            continue
        innermost = _innermost(scopes.get(name, {}).values(), node.start_byte)
        if innermost and innermost.is_constant and node not in code.tried:
            yield Mistake(node, f'"{name}" is a const, which cannot change. Declare it with let')
    yield from _unreadable(code, scopes)
    yield from _unbound(code)


def _innermost(scopes: Iterable[_Scope], position: int) -> _Scope | None:
    around = [each for each in scopes if each.start <= position < each.end]
    return min(around, key=lambda each: each.end - each.start, default=None)


def _unreadable(code: CodeContext, scopes: Mapping[str, Mapping[int, _Scope]]) -> Iterator[Mistake]:
    """Yield the uses of names outside of the blocks that declare them, and before their declaration."""
    left = _MOST_USES
    is_assigned_outside: dict[str, bool] = {}
    for captures in code.matches(_USES) if scopes else ():
        node, name = captures["name"], code.text(captures["name"])
        known = scopes.get(name, {})
        if name in code.ambiguous or not 0 < len(known) <= _MOST_SCOPES or node in code.tried:
            continue
        innermost = _innermost(known.values(), node.start_byte)
        if innermost is None and name not in is_assigned_outside:
            positions = code.bindings.get(name, ())
            is_assigned_outside[name] = not all(_innermost(known.values(), each) for each in positions)
        if innermost is None and name not in KNOWN_NAMES[code.language].defined and not is_assigned_outside[name]:
            text = f'"{name}" exists only in the block that declares it. Declare it before the block'
            yield Mistake(node, text)
        elif (
            innermost is not None
            and node.start_byte < innermost.declared
            and left > 0
            and not code.is_bound_in(name, node)
        ):
            left -= 1
            if not _is_in_function(node, innermost.node):
                yield Mistake(node, f'"{name}" has no value before its declaration. Move the declaration up')


def _is_in_function(node: tree_sitter.Node, scope: tree_sitter.Node) -> bool:
    """Return whether a node is in a function within a scope: it may run after the declaration."""
    around = node.parent
    while around is not None and around != scope:
        if _FUNCTION.search(around.type):
            return True
        around = around.parent
    return False


def _unbound(code: CodeContext) -> Iterator[Mistake]:
    """Yield each variable that a function in Python changes with `+=`, although only code around it assigns it."""
    around: list[tuple[tree_sitter.Node, str]] = []
    for captures in sorted(code.matches(_CHANGED), key=lambda each: next(iter(each.values())).start_byte):
        if scope := captures.get("scope"):
            around = [each for each in around if each[0].end_byte > scope.start_byte]
            around.append((scope, code.text(captures["function"])))
            continue
        node, name = captures["name"], code.text(captures["name"])
        functions = [each for each in around if each[0].end_byte > node.start_byte]
        if (
            not functions
            or functions[-1][0].type == "class_definition"
            or node in code.tried
            or name not in code.bindings
            or name in code.parameters
        ):
            continue
        *outer, (function, function_name) = functions
        if code.is_bound_in(name, function):
            continue
        keyword = (
            "nonlocal"
            if any(each.type == "function_definition" and code.is_bound_in(name, each) for each, _ in outer)
            else "global"
        )
        text = f'"{name}" has no value in {function_name}, because code around it assigns it'
        yield Mistake(node, f"{text}. Add the line: {keyword} {name}")
