"""`await` outside of async functions, and responses of `fetch` that code reads without it."""

from collections.abc import Iterator
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_PROMISE_METHODS: Final = ("then", "catch", "finally")
_AWAITS: Final = {
    Language.JAVASCRIPT: """
[(arrow_function) (function_expression) (function_declaration) (method_definition) (generator_function)
 (generator_function_declaration)] @function
(await_expression) @await
"""
}
_FETCHES: Final = {
    Language.JAVASCRIPT: """
(member_expression
 object: (call_expression function: (identifier) @fetch) property: (property_identifier) @member
 (#eq? @fetch "fetch"))
"""
}
_FIXES: Final = {
    "map": "write await Promise.all(….map(async …))",
    "flatMap": "write (await Promise.all(….map(async …))).flat()",
    **dict.fromkeys(("forEach", "reduce"), "write for (const … of …) with await in it"),
    **dict.fromkeys(
        ("every", "filter", "find", "findIndex", "some", "sort"), "await the values first, with Promise.all(….map(…))"
    ),
}
"""How to wait in a function that a method of lists calls."""


def await_mistakes(code: CodeContext) -> Iterator[Mistake]:
    """Yield each `await` whose innermost function is not async, and each member read from the promise of `fetch`.

    The code outside of functions is async.
    """
    around: list[tuple[int, bool, str]] = []
    nodes = [node for captures in code.matches(_AWAITS) for node in captures.values()]
    for node in sorted(nodes, key=lambda each: each.start_byte):
        while around and around[-1][0] <= node.start_byte:
            around.pop()
        if node.type != "await_expression":
            is_async = any(each.type == "async" for each in node.children[:2])
            around.append((node.end_byte, is_async, _called_with(code, node)))
        elif around and not around[-1][1]:
            fix = _FIXES.get(around[-1][2], "write async before the function around it")
            yield Mistake(node, f"await is only possible in an async function: {fix}")
    for captures in () if code.is_redefined("fetch") else code.matches(_FETCHES):
        node, member = captures["member"], code.text(captures["member"])
        if member not in _PROMISE_METHODS and node not in code.tried:
            text = f"fetch(…) is a promise, which has no .{member}. Write (await fetch(…)).{member}"
            yield Mistake(node, text)


def _called_with(code: CodeContext, function: tree_sitter.Node) -> str:
    """Return the name of the method that a function is an argument of."""
    call = function.parent.parent if function.parent and function.parent.type == "arguments" else None
    called = call.child_by_field_name("function") if call else None
    method = called.child_by_field_name("property") if called else None
    return code.text(method) if method else ""
