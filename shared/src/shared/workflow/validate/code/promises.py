"""Promises that code uses as values: calls of async functions without await, and async functions of filters."""

import re
from collections import Counter
from collections.abc import Iterator, Set
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_MOST: Final = 50
"""Calls of async functions, and uses of a promise, that are checked: the parents of a node take time."""
_DEEPEST: Final = 20
"""Nodes around a promise that are examined."""
_BODIES: Final = frozenset({"json", "text"})
"""Methods of responses."""
_METHODS: Final = "every|filter|find|findIndex|findLast|findLastIndex|some|sort|toSorted"
"""Methods of lists that wait for no promise of their function."""
_OWN_METHOD: Final = re.compile(
    rf"\bdefinePropert|(?<![.\w])(?:{_METHODS})[\"']?\s*[:=(]|\.(?:{_METHODS})\s*=(?!=)".encode()
)
_FUNCTIONS: Final = {
    Language.JAVASCRIPT: """
(function_declaration "async" name: (identifier) @function)
(lexical_declaration kind: "const" (variable_declarator
 name: (identifier) @function value: [(arrow_function "async") (function_expression "async")]))
"""
}
_USES: Final = {
    Language.JAVASCRIPT: """
(identifier) @name
(shorthand_property_identifier) @name
(shorthand_property_identifier_pattern) @name
(call_expression function: (identifier) @called) @call
(arguments (identifier) @passed)
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @response
 value: (await_expression (call_expression function: (identifier) @fetch))) (#eq? @fetch "fetch"))
(call_expression function: (member_expression object: (identifier) property: (property_identifier) @method) @body
 (#any-of? @method "json" "text")) @call
"""
}
_CALLBACKS: Final = {
    Language.JAVASCRIPT: f"""
(call_expression function: (member_expression property: (property_identifier) @method)
 arguments: (arguments . [(arrow_function "async") (function_expression "async") (identifier)] @callback)
 (#match? @method "^({_METHODS})$"))
"""
}
_TESTED: Final = {
    "if_statement": "condition",
    "while_statement": "condition",
    "do_statement": "condition",
    "ternary_expression": "condition",
}
_FUNCTION: Final = re.compile("function|method|static")
"""Nodes whose returns are their own."""
_OBJECTS: Final = frozenset({"pair", "array", "object"})
_PROMISE_METHODS: Final = frozenset({"then", "catch", "finally"})
_CALCULATED: Final = frozenset({"+", "-", "*", "/", "%", "**", "<", ">", "<=", ">=", "==", "===", "!=", "!=="})


def promise_mistakes(code: CodeContext) -> Iterator[Mistake]:
    """Yield each promise that code calculates with, compares, tests, reads, puts into a text or returns in an object.

    Promises are the results of async functions of the code and of `fetch`, and the bodies of its responses.
    """
    if b"async" not in code.source and b"fetch" not in code.source:
        return
    uses: dict[str, list[tree_sitter.Node]] = {}
    calls: dict[str, list[tree_sitter.Node]] = {}
    responses: Counter[str] = Counter()
    plain: set[int] = set()
    for captures in code.matches(_USES):
        match captures:
            case {"name": node}:
                uses.setdefault(code.text(node), []).append(node)
            case {"response": node}:
                responses[code.text(node)] += 1
            case {"passed": node}:
                plain.add(node.start_byte)
            case {"called": node, "call": call}:
                plain.add(node.start_byte)
                calls.setdefault(code.text(node), []).append(call)
            case {"body": node, "call": call}:
                calls.setdefault(code.text(node), []).append(call)
    declared = {node.start_byte: code.text(node) for node in (each["function"] for each in code.matches(_FUNCTIONS))}
    functions = {
        name
        for at, name in declared.items()
        if all(each.start_byte == at or each.start_byte in plain for each in uses[name])
    }
    yield from _callbacks(code, functions)
    if all(each.start_byte in plain for each in uses.get("fetch", ())):
        functions.add("fetch")
        functions |= {
            f"{response}.{method}"
            for response, times in responses.items()
            for method in _BODIES - code.added_members
            if times == len(code.bindings[response]) and response not in code.ambiguous
        }
    found = ((name, each) for name in sorted(functions) for each in calls.get(name, ()))
    for name, call in islice(found, _MOST):
        if _is_misused(call) or (name != "fetch" and _is_read(code, call)):
            yield Mistake(call, f"{name}(…) is a promise, because await is missing. Write await {name}(…)")
        elif (promise := _named(call)) and len(named := uses[code.text(promise)]) <= _MOST:
            named = [each for each in named if each != promise]
            if named and all(_is_misused(each) or _is_read(code, each) for each in named):
                text = f'"{code.text(promise)}" is a promise, because await is missing. Write await {name}(…)'
                yield Mistake(promise, text)


def _callbacks(code: CodeContext, functions: Set[str]) -> Iterator[Mistake]:
    for captures in () if _OWN_METHOD.search(code.source) else code.matches(_CALLBACKS):
        function, method = captures["callback"], code.text(captures["method"])
        call = function.parent.parent if function.parent else None
        is_unused = call is not None and call.parent is not None and call.parent.type == "expression_statement"
        if (function.type == "identifier" and code.text(function) not in functions) or (is_unused and method != "sort"):
            continue
        text = f".{method}(…) does not wait for async functions: a promise counts as true"
        if "sort" in method.lower():
            text = f".{method}(…) does not wait for async functions: a promise is no number"
        yield Mistake(captures["method"], f"{text}. Await the values first, with Promise.all(….map(…))")


def _named(call: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the name of a constant whose value is a call."""
    parent = call.parent
    name = parent.child_by_field_name("name") if parent and parent.type == "variable_declarator" else None
    is_constant = parent is not None and parent.parent is not None and parent.parent.type == "lexical_declaration"
    return name if name is not None and name.type == "identifier" and is_constant else None


def _is_read(code: CodeContext, node: tree_sitter.Node) -> bool:
    """Return whether code reads a field of a value, other than a method of promises."""
    parent = node.parent
    field = parent.child_by_field_name("property") if parent and parent.type == "member_expression" else None
    is_object = parent is not None and parent.child_by_field_name("object") == node
    return is_object and field is not None and code.text(field) not in _PROMISE_METHODS


def _is_misused(node: tree_sitter.Node) -> bool:
    """Return whether a place needs the value of a promise."""
    parent = node.parent
    for _ in range(_DEEPEST):
        if parent is None or parent.type != "parenthesized_expression":
            break
        node, parent = parent, parent.parent
    if parent is None:
        return False
    match parent.type:
        case "template_substitution":
            text = parent.parent.parent if parent.parent else None
            return text is not None and text.type != "call_expression"  # of a tag
        case "binary_expression":
            operator = parent.child_by_field_name("operator")
            return operator is not None and operator.type in _CALCULATED
        case "unary_expression":
            operator = parent.child_by_field_name("operator")
            return operator is not None and operator.type in ("!", "-", "+")
        case "pair" | "array" | "object":
            return _is_returned(parent)
        case kind:
            field = _TESTED.get(kind)
            return field is not None and parent.child_by_field_name(field) == node


def _is_returned(node: tree_sitter.Node) -> bool:
    """Return whether the code returns, outside of functions, the object or list that has a value."""
    is_within = False
    for _ in range(_DEEPEST):
        is_within = is_within or node.type == "return_statement"
        if node.parent is None or _FUNCTION.search(node.type) or not (is_within or node.type in _OBJECTS):
            break
        node = node.parent
    return is_within and node.type == "program"
