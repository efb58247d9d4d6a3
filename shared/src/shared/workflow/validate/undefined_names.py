"""Names that JavaScript reads although neither the code nor the sandbox defines them."""

from bisect import bisect_right
from collections.abc import Iterator, Set
from functools import cache
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, TooComplex, grammar, parse
from shared.workflow.format.suggestions import did_you_mean, nearest

_LONGEST: Final = 50_000
"""Longer code is not checked: it takes time, and people do not write it by hand."""
_MOST_REPORTED: Final = 5
_DECLARATIONS: Final = """
(variable_declarator name: (_) @declared)
(function_declaration name: (_) @declared)
(generator_function_declaration name: (_) @declared)
(function_expression name: (_) @declared)
(generator_function name: (_) @declared)
(class_declaration name: (_) @declared)
(class name: (_) @declared)
(formal_parameters) @declared
(arrow_function parameter: (_) @declared)
(catch_clause parameter: (_) @declared)
(for_in_statement left: (_) @declared)
(import_clause) @declared
(assignment_expression left: [(identifier) (array_pattern) (object_pattern)] @declared)
(unary_expression operator: "typeof" argument: (identifier) @declared)
(shorthand_property_identifier_pattern) @declared
[(identifier) (shorthand_property_identifier)] @name
(with_statement) @open
"""
"""A name that is declared, assigned or tested anywhere counts as defined everywhere: scopes are not followed."""
_UNCERTAIN: Final = frozenset({"eval", "globalThis", "Function"})
"""Code that reads these names may define others at run time."""
_GLOBAL_NAMES: Final = """
undefined NaN Infinity arguments async await
Object Function Array Number Boolean String Symbol BigInt Math Date RegExp JSON Intl Reflect Proxy Promise
Map Set WeakMap WeakSet WeakRef FinalizationRegistry Iterator
Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError
ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array
Float16Array Float32Array Float64Array BigInt64Array BigUint64Array
parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape
console fetch sim environmentVariables context params globalThis eval DisposableStack AsyncDisposableStack
"""
_GLOBALS: Final = frozenset(_GLOBAL_NAMES.split())
_UNAVAILABLE: Final = {
    **dict.fromkeys(("require", "module", "exports"), "packages and modules are not available"),
    **dict.fromkeys(
        ("setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "queueMicrotask"),
        "timers are not available; use a Wait block",
    ),
    **dict.fromkeys(("process", "Buffer", "__dirname", "__filename"), "Node is not available"),
    **dict.fromkeys(("window", "document", "localStorage", "navigator", "XMLHttpRequest"), "there is no browser"),
    **dict.fromkeys(
        (
            *("URL", "URLSearchParams", "crypto", "TextEncoder", "TextDecoder", "AbortController", "Headers"),
            *("Request", "Response", "FormData", "Blob", "structuredClone", "atob", "btoa", "performance"),
            *("Atomics", "SharedArrayBuffer", "WebAssembly"),
        ),
        "the sandbox has the language alone",
    ),
}


def undefined_names(program: str, defined: Set[str]) -> Iterator[tuple[int, str, str | None]]:
    """Yield line, problem and nearest defined name, once for each name that is not defined.

    `program` has variables in place of references; `defined` are their names. Code that does not parse has none.
    """
    if len(program) > _LONGEST:
        return
    source = program.encode(errors="surrogatepass")
    try:
        root = parse(source, Language.JAVASCRIPT).root_node
    except TooComplex:
        return
    if root.has_error:
        return
    found = tree_sitter.QueryCursor(_query()).captures(root)
    declarations = found.get("declared", ())
    spans = _merged(sorted((node.start_byte, node.end_byte) for node in declarations))
    starts = [start for start, _ in spans]
    declared = {
        source[node.start_byte : node.end_byte].decode(errors="replace")
        for node in declarations
        if node.type == "shorthand_property_identifier_pattern"
    }
    read: dict[str, int] = {}
    for node in sorted(found.get("name", ()), key=lambda each: each.start_byte):
        name = source[node.start_byte : node.end_byte].decode(errors="replace")
        at = bisect_right(starts, node.start_byte) - 1
        if at >= 0 and node.start_byte < spans[at][1]:
            declared.add(name)
        else:
            read.setdefault(name, node.start_point.row + 1)
    if _UNCERTAIN & read.keys() or "open" in found:
        return
    unknown = [name for name in read if name not in declared | _GLOBALS | defined]
    for name in unknown[:_MOST_REPORTED]:
        if reason := _UNAVAILABLE.get(name):
            yield read[name], f'"{name}" does not exist here: {reason}', None
        else:
            near = nearest(name, [*declared, *(each for each in _GLOBALS if len(each) > 4)])
            yield read[name], f'"{name}" is not defined.{did_you_mean(near)}', near


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return sorted spans without those inside others."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if not merged or start >= merged[-1][1]:
            merged.append((start, end))
    return merged


@cache
def _query() -> tree_sitter.Query:
    return tree_sitter.Query(grammar(Language.JAVASCRIPT), _DECLARATIONS)
