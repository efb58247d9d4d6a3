"""Names that code may read: by language, the declarations to look for and what the sandbox defines."""

import builtins
import sys
from collections.abc import Mapping, Set
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language, query

_ROUNDS: Final = {"item": "<loop.currentItem>", "currentItem": "<loop.currentItem>", "index": "<loop.index>"}


class KnownNames(NamedTuple):
    """Names of one language."""

    declarations: str
    """Query of the syntax tree. `@declared`, and `@plain` for `let`, `const` and `import`, have names that are
    declared, assigned or tested: these count as defined everywhere, since scopes are not followed. `@augmented` are
    names that Python changes with `+=`. `@name` are all names, `@skipped` those that are no variables, `@package`
    imported ones, and `@tried` statements that may skip an import or handle its error. `@dictionary` may have keys
    without quotes, `@returned` are those returned."""
    defined: Set[str]
    """What the sandbox defines."""
    uncertain: Set[str]
    """Code that reads these names may define others at run time."""
    meant: Mapping[str, str]
    """Names of other languages, and their equivalents."""
    unavailable: Mapping[str, str]
    """Names that authors expect, and the reason why they do not exist."""


_ANYWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("$json", "$input", "$node", "$items"), "it belongs to n8n. Read a block with <block.field>"),
    **dict.fromkeys(("input", "inputs", "event"), "read an input with <start.…>"),
}
_JAVASCRIPT_DECLARATIONS: Final = """
(variable_declaration (variable_declarator name: (_) @declared))
(lexical_declaration (variable_declarator name: [(array_pattern) (object_pattern)] @declared))
(lexical_declaration (variable_declarator name: (identifier) @plain))
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
(assignment_expression left: [(array_pattern) (object_pattern)] @declared)
(assignment_expression left: (identifier) @plain)
(unary_expression operator: "typeof" argument: (identifier) @declared)
(shorthand_property_identifier_pattern) @declared
[(identifier) (shorthand_property_identifier)] @name
(with_statement) @open
"""
_JAVASCRIPT_NAMES: Final = """
undefined NaN Infinity arguments async await
Object Function Array Number Boolean String Symbol BigInt Math Date RegExp JSON Intl Reflect Proxy Promise
Map Set WeakMap WeakSet WeakRef FinalizationRegistry Iterator
Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError
ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array
Float16Array Float32Array Float64Array BigInt64Array BigUint64Array
parseInt parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape
console fetch sim environmentVariables params globalThis eval DisposableStack AsyncDisposableStack
"""
_JAVASCRIPT_UNAVAILABLE: Final[Mapping[str, str]] = {
    **_ANYWHERE,
    "len": "read .length",
    **dict.fromkeys(
        ("round", "sum", "sorted", "int", "float", "dict", "range", "enumerate", "max", "min", "abs", "isinstance"),
        "it is Python. Set language to python, or write JavaScript",
    ),
    **dict.fromkeys(("axios", "got", "superagent"), "packages are not available; call fetch"),
    **dict.fromkeys(("_", "lodash", "moment", "dayjs"), "packages are not available; use JavaScript alone"),
    **dict.fromkeys(("fs", "http", "https", "os", "path"), "Node is not available"),
    "require": "packages are not available. To call a service, write await fetch(…)",
    **dict.fromkeys(("module", "exports"), "code is no module. End with return and the value"),
    "isEmpty": 'write … === "" for a text, or ….length === 0 for a list',
    "crypto": "for IDs and hashes, set language to python and import uuid or hashlib",
    "URL": "to read the parts of a URL, set language to python and import urllib.parse",
    "URLSearchParams": "write encodeURIComponent(…) for each value",
    "structuredClone": "write JSON.parse(JSON.stringify(…))",
    **dict.fromkeys(("atob", "btoa"), "for Base64, set language to python and import base64"),
    **dict.fromkeys(
        ("setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "queueMicrotask"),
        "timers are not available; use a Wait block",
    ),
    **dict.fromkeys(("process", "env", "secrets"), "Node is not available; read a secret as {{NAME}}"),
    **dict.fromkeys(("__dirname", "__filename"), "Node is not available"),
    "Buffer": "Node is not available. For Base64, set language to python and import base64",
    "context": "only conditions have it. Read a block with <block.field>",
    **dict.fromkeys(("window", "document", "localStorage", "navigator", "XMLHttpRequest"), "there is no browser"),
    **dict.fromkeys(
        (
            *("TextEncoder", "TextDecoder", "AbortController", "Headers"),
            *("Request", "Response", "FormData", "Blob", "performance"),
            "WebAssembly",
        ),
        "the sandbox has the language alone",
    ),
    **dict.fromkeys(("Atomics", "SharedArrayBuffer"), "the sandbox has no shared memory"),
}
_PYTHON_DECLARATIONS: Final = """
(assignment left: (_) @declared)
(augmented_assignment left: (identifier) @augmented)
(named_expression name: (_) @declared)
(for_statement left: (_) @declared)
(for_in_clause left: (_) @declared)
(function_definition name: (_) @declared)
(class_definition name: (_) @declared)
(parameters) @declared
(lambda_parameters) @declared
(import_statement name: (dotted_name) @plain)
(import_statement name: (aliased_import) @declared)
(import_from_statement) @declared
(import_statement name: (dotted_name) @package)
(import_statement name: (aliased_import name: (dotted_name) @package))
(import_from_statement module_name: (dotted_name) @package)
[(try_statement) (if_statement) (with_statement)] @tried
(as_pattern_target) @declared
(as_pattern (identifier) @declared)
(global_statement) @declared
(nonlocal_statement) @declared
(case_pattern) @declared
(dictionary) @dictionary
(return_statement (dictionary) @returned)
(type_parameter) @declared
(assignment type: (type) @declared)
(type_alias_statement) @declared
(attribute attribute: (identifier) @skipped)
(keyword_argument name: (identifier) @skipped)
(identifier) @name
(wildcard_import) @open
(future_import_statement) @open
"""
KNOWN_NAMES: Final[Mapping[Language, KnownNames]] = {
    Language.JAVASCRIPT: KnownNames(
        _JAVASCRIPT_DECLARATIONS,
        frozenset(_JAVASCRIPT_NAMES.split()),
        frozenset({"eval", "globalThis", "Function"}),
        {**_ROUNDS, "True": "true", "False": "false", "None": "null", "print": "console.log", "str": "String"},
        _JAVASCRIPT_UNAVAILABLE,
    ),
    Language.PYTHON: KnownNames(
        _PYTHON_DECLARATIONS,
        frozenset({*dir(builtins), "sim", "params", "environmentVariables", "__class__", "__file__", "__sim_result__"}),
        frozenset({"eval", "exec", "globals", "locals", "vars", "__builtins__", "__import__"}),
        {
            **_ROUNDS,
            "true": "True",
            "false": "False",
            "null": "None",
            "undefined": "None",
            "console": "print",
            "JSON": "json",
            "parseInt": "int",
            **dict.fromkeys(("parseFloat", "Number"), "float"),
            "String": "str",
        },
        {
            **_ANYWHERE,
            **{name: f"add the line: import {name}" for name in sys.stdlib_module_names},
            "requests": "no packages are available. Call the service with an API block",
            "Math": "write math.…, after the line: import math",
            "env": "read a secret as {{NAME}}",
            "fetch": "Python has no network here. Call the service with an API block",
        },
    ),
}


def declarations(language: Language) -> tree_sitter.Query:
    """Return the query for declarations and names of a language."""
    return query(language, KNOWN_NAMES[language].declarations)
