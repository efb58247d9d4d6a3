"""Names that code declares twice, assigns although they are constant, or calls in an object that does not have them.

Only what fails in every run is reported: names to which the code may give another meaning are left out.
"""

import datetime
import itertools
import json
import math
import random
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import tree_sitter

from shared.workflow.compile.code_parser import Language, grammar
from shared.workflow.format.suggestions import did_you_mean, nearest

_MOST_SCOPES: Final = 20
"""A name with more declarations is left out: each assignment is compared with all of them."""
_WORD: Final = re.compile(rb"[\w$]+")
OF_ALL: Final = "call apply bind toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable"
"""Methods of every object or function of JavaScript."""
_JAVASCRIPT: Final = {
    "console": "log info debug warn error",
    "Math": "abs acos acosh asin asinh atan atanh atan2 ceil cbrt expm1 clz32 cos cosh exp floor fround f16round hypot "
    "imul log log1p log2 log10 max min pow random round sign sin sinh sqrt sumPrecise tan tanh trunc",
    "JSON": "parse stringify rawJSON isRawJSON",
    "Object": "assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor "
    "getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf groupBy hasOwn is isExtensible "
    "isFrozen isSealed keys preventExtensions seal setPrototypeOf values",
    "Array": "from fromAsync isArray of",
    "Number": "isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
    "String": "fromCharCode fromCodePoint raw",
    "Date": "now parse UTC",
    "Promise": "all allSettled any race reject resolve try withResolvers",
}
_NEWER: Final = frozenset({"batched", "binomialvariate", "fma", "kde", "kde_random", "prefixmatch", "sumprod"})
"""Members that an older Python, which may check the file, does not have."""
_MEMBERS: Final[Mapping[Language, Mapping[str, Set[str]]]] = {
    Language.JAVASCRIPT: {name: frozenset(members.split()) for name, members in _JAVASCRIPT.items()},
    Language.PYTHON: {
        module.__name__: frozenset(dir(module)) | _NEWER
        for module in (datetime, itertools, json, math, random, re, statistics)
    },
}
_MEANT: Final = {"datetime.now": "datetime.datetime.now", "datetime.today": "datetime.date.today"}
_OF_PROMISES: Final = ("then", "catch", "finally")
_NETWORK: Final = {
    "urllib": {"urlopen", "urlretrieve"},
    "http": {"HTTPConnection", "HTTPSConnection"},
    "socket": {"create_connection", "getaddrinfo", "gethostbyname"},
    "smtplib": {"SMTP", "SMTP_SSL"},
    "ftplib": {"FTP", "FTP_TLS"},
}
"""Modules of Python, and what only connects."""
_QUERIES: Final = {
    Language.JAVASCRIPT: """
(_ (lexical_declaration kind: _ @kind (variable_declarator name: (identifier) @name))) @scope
(augmented_assignment_expression left: (identifier) @assigned)
(assignment_expression left: (identifier) @assigned)
(update_expression argument: (identifier) @assigned)
[(arrow_function) (function_expression) (function_declaration) (method_definition) (generator_function)
 (generator_function_declaration)] @function
(await_expression) @await
(member_expression object: (call_expression function: (identifier) @unawaited) property: (property_identifier) @part)
[(if_statement condition: (parenthesized_expression (assignment_expression right: [(number) (string) (true) (false)])))
 (while_statement condition: (parenthesized_expression (assignment_expression right: [(number) (string)])))] @constant
(assignment_expression left: (member_expression property: (property_identifier) @set))
(call_expression function: (member_expression object: (identifier) @object property: (property_identifier) @member))
""",
    Language.PYTHON: """
(call function: (attribute object: (identifier) @object attribute: (identifier) @member))
(call function: [(identifier) @called (attribute attribute: (identifier) @called)])
[(print_statement "print" @statement) (exec_statement "exec" @statement)]
""",
}
Slips: TypeAlias = Iterator[tuple[int, str, str | None]]
"""Line, problem and nearest valid name."""


class _Scope(NamedTuple):
    start: int
    end: int
    is_constant: bool


def name_slips(
    root: tree_sitter.Node,
    source: bytes,
    language: Language,
    *,
    others: Sequence[tuple[int, int]],
    packages: Set[str],
) -> Slips:
    """Yield the slips of code that parses.

    `others` are the spans of all declarations but plain ones with `let`, `const` and `import`, `packages` the names of
    imported packages.
    """
    code = _Code(source, language)
    code.ambiguous = {
        word.decode(errors="replace") for start, end in others for word in _WORD.findall(source, start, end)
    }
    found = [captures for _, captures in tree_sitter.QueryCursor(_query(language)).matches(root)]
    for captures in found:
        if "scope" in captures:
            yield from code.declared(captures)
        elif "set" in captures:
            code.set.add(code.text(captures["set"][0]))
    yield from _unexpected_awaits(found)
    for captures in found:
        if "assigned" in captures:
            yield from code.assigned(captures["assigned"][0])
        elif "member" in captures:
            yield from code.member(captures["object"][0], captures["member"][0])
        elif "called" in captures:
            yield from code.called(captures["called"][0], packages)
        elif "unawaited" in captures:
            yield from code.part(captures["unawaited"][0], captures["part"][0])
        elif "constant" in captures:
            yield _line(captures["constant"][0]), 'the condition assigns with "=". To compare, write "==="', None
        elif "statement" in captures:
            node = captures["statement"][0]
            yield _line(node), f"{node.type} is a function of Python: write {node.type}(…)", None


def _unexpected_awaits(found: Sequence[Mapping[str, Sequence[tree_sitter.Node]]]) -> Slips:
    """Yield each `await` whose innermost function is not async; the code itself is."""
    around: list[tuple[int, bool]] = []
    nodes = [node for captures in found for key in ("function", "await") for node in captures.get(key, ())]
    for node in sorted(nodes, key=lambda each: each.start_byte):
        while around and around[-1][0] <= node.start_byte:
            around.pop()
        if node.type != "await_expression":
            around.append((node.end_byte, any(each.type == "async" for each in node.children[:2])))
        elif around and not around[-1][1]:
            yield (
                _line(node),
                "await is only possible in an async function: write async before the function around it",
                None,
            )


class _Code:
    """The declarations of a piece of code, and the slips in its other parts."""

    def __init__(self, source: bytes, language: Language) -> None:
        self._source, self._language = source, language
        self._scopes: dict[str, dict[int, _Scope]] = {}
        self.ambiguous: Set[str] = frozenset()
        self.set: set[str] = set()
        """Members that the code itself gives to objects."""

    def declared(self, captures: Mapping[str, Sequence[tree_sitter.Node]]) -> Slips:
        """Add a declaration with `let` or `const`."""
        (node,), (scope,), (kind,) = captures["name"], captures["scope"], captures["kind"]
        name = self.text(node)
        known = self._scopes.setdefault(name, {})
        if scope.id in known:
            yield _line(node), f'"{name}" is declared twice. Remove this {kind.type}, or rename one', None
        known[scope.id] = _Scope(scope.start_byte, scope.end_byte, kind.type == "const")

    def assigned(self, node: tree_sitter.Node) -> Slips:
        """Yield that a constant is assigned."""
        name = self.text(node)
        known = self._scopes.get(name, {}).values()
        if name in self.ambiguous or len(known) > _MOST_SCOPES:
            return
        around = [each for each in known if each.start <= node.start_byte < each.end]
        if around and max(around).is_constant:
            yield _line(node), f'"{name}" is a const, which cannot change. Declare it with let', None

    def member(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Slips:
        """Yield that a called member does not exist."""
        name, member = self.text(of), self.text(node)
        known = _MEMBERS[self._language].get(name, ())
        is_called = self._source[node.end_byte : node.end_byte + 1] == b"("
        is_own = name in self.ambiguous or name in self._scopes or member in self.set
        if not known or member in known or not is_called or is_own or member in OF_ALL.split():
            return
        near = nearest(member, sorted(known))
        meant = _MEANT.get(f"{name}.{member}") or (near and f"{name}.{near}")
        if meant or self._language is Language.JAVASCRIPT:
            hint = did_you_mean(meant) or f" Use one of: {', '.join(sorted(known))}."
            yield _line(node), f'"{name}.{member}" does not exist.{hint}', meant

    def part(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Slips:
        """Yield that a part of a promise is read."""
        if self.text(of) == "fetch" and "fetch" not in self.ambiguous and self.text(node) not in _OF_PROMISES:
            part = self.text(node)
            yield _line(node), f"fetch(…) is a promise, which has no .{part}. Write (await fetch(…)).{part}", None

    def called(self, node: tree_sitter.Node, packages: Set[str]) -> Slips:
        """Yield that a called function of Python only connects."""
        name = self.text(node)
        if any(name in _NETWORK[package] for package in packages & _NETWORK.keys()):
            yield _line(node), f'"{name}" fails, because code has no network. Call the service with an API block', None

    def text(self, node: tree_sitter.Node) -> str:
        """Return the source of a node."""
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


@cache
def _query(language: Language) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), _QUERIES[language])
