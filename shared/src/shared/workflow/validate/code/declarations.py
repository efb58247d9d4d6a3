"""Names that code declares twice, and assignments to constants."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_MOST_SCOPES: Final = 20
"""A name with more declarations is left out: each assignment is compared with all of them."""
_DECLARATIONS: Final = {
    Language.JAVASCRIPT: """
(_ (lexical_declaration kind: _ @kind (variable_declarator name: (identifier) @name))) @scope
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


def declaration_mistakes(code: CodeContext) -> Iterator[Mistake]:
    """Yield the names declared twice in a scope, and the assignments to constants outside of `try`."""
    scopes: dict[str, dict[int, _Scope]] = {}
    for captures in code.matches(_DECLARATIONS):
        scope, kind, name = captures["scope"], captures["kind"], code.text(captures["name"])
        known = scopes.setdefault(name, {})
        if scope.id in known:
            text = f'"{name}" is declared twice. Remove this {kind.type}, or rename one'
            yield Mistake(captures["name"], text)
        known[scope.id] = _Scope(scope.start_byte, scope.end_byte, kind.type == "const")
    for captures in code.matches(_ASSIGNMENTS):
        node, name = captures["name"], code.text(captures["name"])
        if name in code.ambiguous or len(scopes.get(name, ())) > _MOST_SCOPES:
            continue
        around = [each for each in scopes.get(name, {}).values() if each.start <= node.start_byte < each.end]
        innermost = min(around, key=lambda each: each.end - each.start, default=None)
        if innermost and innermost.is_constant and node not in code.tried:
            yield Mistake(node, f'"{name}" is a const, which cannot change. Declare it with let')
