"""Values that Python code returns, although they have no JSON: the block fails when it returns them."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake
from shared.workflow.validate.code.value_types import ValueTypes

_QUERIES: Final = {
    Language.PYTHON: """
(module (return_statement . (_) @value .))
(module (function_definition . "async" name: (identifier) @async))
"""
}
_MOST: Final = 200
"""Values that are checked: each takes time."""
_ITERATORS: Final = frozenset({"map", "filter", "zip", "enumerate", "reversed", "iter"})
_VIEWS: Final = frozenset({"keys", "values", "items"})
_ENCODERS: Final = frozenset({"base64.b64encode", "base64.urlsafe_b64encode", "base64.b64decode", "bytes", "bytearray"})


def python_results(code: CodeContext, types: ValueTypes) -> Iterator[Mistake]:
    """Yield each value that a return statement outside of functions has, alone or in a dictionary or a list."""
    matches = list(code.matches(_QUERIES))
    coroutines = {code.text(each["async"]) for each in matches if "async" in each}
    parts = (part for each in matches if "value" in each for part in _parts(each["value"]))
    for part in islice(parts, _MOST):
        values = types.values(part)
        value = values[0] if len(values) == 1 else part
        if problem := _problem(code, types, value, coroutines):
            yield Mistake(value, problem)


def _parts(value: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    match value.type:
        case "dictionary":
            yield from filter(None, (pair.child_by_field_name("value") for pair in value.named_children))
        case "list":
            yield from value.named_children
        case _:
            yield value


def _problem(code: CodeContext, types: ValueTypes, value: tree_sitter.Node, coroutines: set[str]) -> str | None:
    match value.type:
        case "generator_expression":
            return "a generator cannot be returned. Write it as a list: [… for … in …]"
        case "string" if types.is_bytes(value):
            return "bytes cannot be returned. Write the text without b"
        case "call":
            return _problem_of_call(code, types, value, coroutines)
    return None


def _problem_of_call(code: CodeContext, types: ValueTypes, call: tree_sitter.Node, coroutines: set[str]) -> str | None:
    function = call.child_by_field_name("function")
    name, shown = code.text(function) if function else "", types.shown(call)
    shown = f"{name}(…)" if shown.endswith("…") else shown
    of = function.child_by_field_name("object") if function else None
    method = name.rpartition(".")[2]
    is_own = name.split(".")[0] in code.ambiguous | code.declared
    is_dictionary = of is not None and (types.of(of) == "object" or (types.is_json(of) and not types.has_other_values))
    problem = None
    if name in coroutines and len(code.bindings[name]) == 1:
        problem = f"{name} is async, and its result cannot be returned. Write def {name} without async and await"
    elif method in _VIEWS and is_dictionary:
        problem = f".{method}() is no list and cannot be returned. Write list({shown})"
    elif of is not None and method == "encode" and types.of(of) == "string":
        problem = "bytes cannot be returned. Write the text without .encode()"
    elif name in _ITERATORS and not is_own:
        problem = f"{name}(…) is no list and cannot be returned. Write list({shown})"
    elif name in _ENCODERS and not is_own:
        problem = f"{name}(…) gives bytes, which cannot be returned. Write {shown}.decode()"
    return problem
