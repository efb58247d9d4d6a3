"""Names that code declares twice, assigns although they are constant, or calls in an object that does not have them.

Only what fails in every run is reported: names to which the code may give another meaning are left out, and so is code
in a `try`.
"""

import builtins
import datetime
import itertools
import json
import math
import random
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import tree_sitter

from shared.workflow.compile.code_parser import Language, grammar
from shared.workflow.format.suggestions import did_you_mean, nearest, one_of

_MOST_SCOPES: Final = 20
"""A name with more declarations is left out: each assignment is compared with all of them."""
_WORD: Final = re.compile(rb"[\w$]+")
COMMON_METHODS: Final = (
    "call apply bind toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable"
)
"""Methods of every object or function in JavaScript."""
_COMMON: Final = frozenset(COMMON_METHODS.split())
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
_EQUIVALENTS: Final = {
    "datetime.now": "datetime.datetime.now",
    "datetime.today": "datetime.date.today",
    "json.parse": "json.loads",
    "json.stringify": "json.dumps",
}
"""Members of modules that authors confuse with those of a class in it, or of JavaScript."""
_MOST_COMPARED: Final = 20
"""Unknown members for which a similar one is searched: each takes time."""
STRING_MEMBERS: Final = (
    "at charAt charCodeAt codePointAt concat endsWith includes indexOf isWellFormed lastIndexOf length localeCompare "
    "match matchAll normalize padEnd padStart repeat replace replaceAll search slice split startsWith substr substring "
    "toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim trimEnd trimLeft trimRight "
    "trimStart"
)
ARRAY_MEMBERS: Final = (
    "at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach "
    "includes indexOf join keys lastIndexOf length map pop push reduce reduceRight reverse shift slice some sort "
    "splice toReversed toSorted toSpliced unshift values with"
)
_DATE_PARTS: Final = ("Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds")
_OF_DATES: Final = (
    f"{' '.join(f'get{part}' for part in _DATE_PARTS)} getTime getTimezoneOffset toDateString toFixed toISOString "
    "toJSON toLocaleDateString toLocaleString toLocaleTimeString toPrecision toString toTimeString"
)
_USUAL_METHODS: Final = {
    Language.JAVASCRIPT: frozenset(f"{STRING_MEMBERS} {ARRAY_MEMBERS} {_OF_DATES}".split()),
    Language.PYTHON: frozenset(name for kind in (str, list, dict) for name in dir(kind) if name[0] != "_"),
}
_KNOWN_METHODS: Final = {
    Language.JAVASCRIPT: _USUAL_METHODS[Language.JAVASCRIPT]
    | {
        "catch",
        "timeEnd",
        "value",
        "json",
        "fixed",
        "Map",
        "String",
        "toUTCString",
        "toGMTString",
        "toExponential",
        "getYear",
        "setYear",
    }
    | {f"{each}{part}" for each in ("set", "getUTC", "setUTC") for part in (*_DATE_PARTS, "Time")},
    Language.PYTHON: frozenset(name for kind in vars(builtins).values() for name in dir(kind))
    | {"send", "close", "gi_frame"},
}
"""Those, and other methods with similar names."""
_METHODS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.JAVASCRIPT: {
        **{
            "contains": ".includes",
            "lower": ".toLowerCase",
            "upper": ".toUpperCase",
            "strip": ".trim",
            "each": ".forEach",
        },
        **{"lstrip": ".trimStart", "rstrip": ".trimEnd", "append": ".push", "extend": ".push", "equals": "==="},
        **dict.fromkeys(("length", "len", "size"), ".length"),
        **{"first": ".at(0)", "last": ".at(-1)", "isEmpty": ".length === 0"},
    },
    Language.PYTHON: {
        **{"trim": ".strip", "toLowerCase": ".lower", "toUpperCase": ".upper", "push": ".append", "indexOf": ".find"},
        **{"includes": "in", "contains": "in", "forEach": "for", "toString": "str(…)", "length": "len(…)"},
        **{"concat": "+", "toFixed": "round(…)", "replaceAll": ".replace", "substring": "[start:end]", "charAt": "[…]"},
        **{"startsWith": ".startswith", "endsWith": ".endswith", "padStart": ".rjust", "padEnd": ".ljust"},
    },
}
"""Methods that no value has, and what authors mean."""
_CLOSE: Final = 0.8
_LITERAL: Final = re.compile(r"(?P<text>[\"'])|(?P<number>[1-9][0-9]*|0)(?![\w.])")
"""Beginning of a text without a prefix, or a whole number."""
_CHANGING: Final = re.compile(r"[(`]|\+\+|--|\b(?:await|yield)\b")
"""Parts of an expression that may have another value each time."""
_LONGEST_SHOWN: Final = 60
_ENVIRONMENT: Final = frozenset({"TZ", "LANG", "LC_ALL", "LC_CTYPE", "HOME", "PATH", "PWD", "USER", "TMPDIR"})
"""Environment variables that code may have."""
_TESTED: Final = re.compile(
    rb"\b(?:if|elif|while|not|or|and|assert)\s+(?:not\s+)?(\w+)|\b(\w+)\s*(?=\b(?:or|and|is|if)\b|[=!]=)"
)
_TESTS: Final = frozenset(
    {"boolean_operator", "not_operator", "comparison_operator", "conditional_expression", "if_statement"}
    | {"elif_clause", "while_statement", "parenthesized_expression"}
)
"""Parts of Python that look whether there is a value."""
_PROMISE_METHODS: Final = ("then", "catch", "finally")
_NETWORK: Final = {
    "urllib": {"urlopen", "urlretrieve"},
    "http": {"HTTPConnection", "HTTPSConnection"},
    "socket": {"create_connection"},
    "smtplib": {"SMTP", "SMTP_SSL"},
    "ftplib": {"FTP", "FTP_TLS"},
}
"""Modules of Python, and their functions and classes that only connect to servers."""
_OR: Final = """(binary_expression
 left: (binary_expression) operator: "||" right: [(string (string_fragment)) (number)] @always)"""
_PYTHON_OR: Final = """(boolean_operator
 left: [(comparison_operator) (boolean_operator)] operator: "or"
 right: [(string (string_content)) (integer)] @always)"""
_QUERIES: Final = {
    Language.JAVASCRIPT: f"""
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
[(if_statement condition: (parenthesized_expression {_OR}))
 (while_statement condition: (parenthesized_expression {_OR}))
 (ternary_expression condition: [{_OR} (parenthesized_expression {_OR})])]
[(binary_expression operator: ["===" "!==" "==" "!="]
  (parenthesized_expression (binary_expression operator: "||") @either))
 (switch_case value: (binary_expression operator: "||") @either)
 (call_expression function: (member_expression property: (property_identifier) @search)
  arguments: (arguments . (binary_expression operator: "||") @either)
  (#any-of? @search "includes" "startsWith" "endsWith" "indexOf" "has"))]
(binary_expression
 left: (binary_expression left: (_) @first operator: ["!==" "!="] right: [(string) (number)] @one)
 operator: "||"
 right: (binary_expression left: (_) @second operator: ["!==" "!="] right: [(string) (number)] @other))
(call_expression function: (member_expression object: (_) @of property: (property_identifier) @method))
(binary_expression operator: ["===" "!==" "==" "!="] right: [(array) (object) (identifier)] @never
 (#any-of? @never "[]" "{{}}" "NaN"))
(binary_expression left: (unary_expression operator: "typeof") operator: ["===" "!==" "==" "!="]
 right: (string (string_fragment) @kind_of))
(assignment_expression left: (member_expression property: (property_identifier) @own))
(try_statement body: (_) @tried)
(call_expression function: (member_expression object: (identifier) @object property: (property_identifier) @member))
(member_expression object: (identifier) @plain property: (property_identifier) @read)
[(call_expression function: (identifier) @plain) (new_expression constructor: (identifier) @plain)]
(identifier) @identifier
""",
    Language.PYTHON: f"""
(call function: (attribute object: (identifier) @object attribute: (identifier) @member))
[(if_statement condition: {_PYTHON_OR}) (elif_clause condition: {_PYTHON_OR})
 (while_statement condition: {_PYTHON_OR}) (conditional_expression . (_) . {_PYTHON_OR})]
[(comparison_operator (parenthesized_expression (boolean_operator operator: "or") @either))
 (call function: (attribute attribute: (identifier) @search)
  arguments: (argument_list . (boolean_operator operator: "or") @either)
  (#any-of? @search "startswith" "endswith" "index" "find" "count"))]
(boolean_operator
 left: (comparison_operator . (_) @first . "!=" . [(string) (integer)] @one .)
 operator: "or"
 right: (comparison_operator . (_) @second . "!=" . [(string) (integer)] @other .))
(subscript value: (attribute object: (identifier) @os attribute: (identifier) @environ)
 subscript: (string (string_content) @variable) (#eq? @os "os") (#eq? @environ "environ")) @read_variable
(call function: (attribute) @getter arguments: (argument_list . (string (string_content) @variable) .)
 (#any-of? @getter "os.getenv" "os.environ.get")) @read_variable
(call function: (attribute object: (_) @of attribute: (identifier) @method))
(call function: [(identifier) @called (attribute attribute: (identifier) @called)])
(assignment left: (attribute attribute: (identifier) @own))
[(function_definition name: (identifier) @defined) (class_definition name: (identifier) @defined)
 (assignment left: (identifier) @defined)]
(try_statement body: (_) @tried)
(attribute object: (identifier) @plain attribute: (identifier) @read)
[(attribute attribute: (identifier) @plain) (keyword_argument name: (identifier) @plain)
 (import_statement name: (dotted_name (identifier) @plain))]
(identifier) @identifier
[(print_statement "print" @statement) (exec_statement "exec" @statement)]
""",
}
_CONSTANT: Final = frozenset({"always", "never", "kind_of", "either", "first", "second", "one", "other"})
_EQUALS_NOTHING: Final = {
    "[]": "Compare the length: ….length === 0",
    "{}": "Count the keys: Object.keys(…).length === 0",
    "NaN": "Write Number.isNaN(…)",
}
_KINDS: Final = ("string", "number", "boolean", "undefined", "object", "function", "symbol", "bigint")
_CHECKS: Final = {
    **dict.fromkeys(("integer", "int"), "Number.isInteger(…)"),
    **dict.fromkeys(("array", "list"), "Array.isArray(…)"),
    "null": "… === null",
    "NaN": "Number.isNaN(…)",
}
"""Values of typeof, and what to write for those that it does not have."""
Mistakes: TypeAlias = Iterator[tuple[int, str, str | None]]
"""Line, problem and nearest valid name."""


_LONG: Final = frozenset({"scope", "function", "tried", "of", "read_variable"})
"""Captures whose source is not needed."""


class _Scope(NamedTuple):
    start: int
    end: int
    is_constant: bool


def name_mistakes(
    root: tree_sitter.Node,
    source: bytes,
    language: Language,
    *,
    others: Sequence[tuple[int, int]],
    parameters: Set[str],
    packages: Set[str],
    reported: Set[str],
) -> Mistakes:
    """Yield the mistakes of code that parses.

    `others` are the spans of all declarations but plain ones with `let`, `const` and `import`, `parameters` the names
    that the code of a tool gets from the model, `packages` the names of imported packages, and
    `reported` the names of methods, and of objects with methods, that other checks report.
    """
    code = _Code(source, language)
    words = {word.decode(errors="replace") for start, end in others for word in _WORD.findall(source, start, end)}
    code.ambiguous = words | parameters
    found = [captures for _, captures in tree_sitter.QueryCursor(_query(language)).matches(root)]
    for captures in found:
        if "scope" in captures:
            yield from code.declared(captures)
        code.add_uses(captures)
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
        elif "method" in captures:
            yield from code.method(captures["of"][0], captures["method"][0], packages, reported)
        elif "read_variable" in captures:
            yield from code.environment(captures["read_variable"][0], captures["variable"][0])
        elif text := code.constant_comparison(captures):
            yield _line(next(iter(captures.values()))[0]), text, None
        elif "statement" in captures:
            node = captures["statement"][0]
            yield _line(node), f"{node.type} is a function in Python 3: write {node.type}(…)", None


def _unexpected_awaits(found: Sequence[Mapping[str, Sequence[tree_sitter.Node]]]) -> Mistakes:
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
    """The declarations of a piece of code, and the mistakes in its other parts."""

    def __init__(self, source: bytes, language: Language) -> None:
        self._source, self._language = source, language
        self._scopes: dict[str, dict[int, _Scope]] = {}
        self.ambiguous: Set[str] = frozenset()
        self._own: set[str] = set()
        """Members that the code itself gives to objects."""
        self._defined: set[str] = set()
        """Functions, classes and variables of Python code."""
        self._tried: list[tuple[int, int]] = []
        self._uses: Counter[str] = Counter()
        """Uses of names and members, less those in calls: the rest may test or change them."""
        self._words = Counter(_WORD.findall(source))
        self._tested = {name for match in _TESTED.finditer(source) for name in match.groups()}
        self._called: Counter[str] = Counter()
        """Calls of members of any object."""
        self._compared: dict[str, str | None] = {}

    def add_uses(self, captures: Mapping[str, Sequence[tree_sitter.Node]]) -> None:
        """Add definitions of functions and members, bodies of `try` statements, and uses of names."""
        self._tried.extend((node.start_byte, node.end_byte) for node in captures.get("tried", ()))
        match {kind: self.text(nodes[0]) for kind, nodes in captures.items() if kind not in _LONG}:
            case {"object": of, "member": name}:
                self._uses[f"{of}.{name}"] -= 1
            case {"plain": of, "read": name}:
                self._uses[of] -= 1
                self._uses[f"{of}.{name}"] += 1
            case {"plain": name}:
                self._uses[name] -= 1
            case {"identifier": name}:
                self._uses[name] += 1
            case {"own": name}:
                self._own.add(name)
            case {"method": name}:
                self._called[name] += 1
            case {"defined": name}:
                self._defined.add(name)

    def declared(self, captures: Mapping[str, Sequence[tree_sitter.Node]]) -> Mistakes:
        """Add a declaration with `let` or `const`."""
        (node,), (scope,), (kind,) = captures["name"], captures["scope"], captures["kind"]
        name = self.text(node)
        known = self._scopes.setdefault(name, {})
        if scope.id in known:
            yield _line(node), f'"{name}" is declared twice. Remove this {kind.type}, or rename one', None
        known[scope.id] = _Scope(scope.start_byte, scope.end_byte, kind.type == "const")

    def assigned(self, node: tree_sitter.Node) -> Mistakes:
        """Yield assignments to constants."""
        name = self.text(node)
        known = self._scopes.get(name, {}).values()
        if name in self.ambiguous or len(known) > _MOST_SCOPES:
            return
        around = [each for each in known if each.start <= node.start_byte < each.end]
        innermost = min(around, key=lambda each: each.end - each.start, default=None)
        if innermost and innermost.is_constant and not self._is_tried(node):
            yield _line(node), f'"{name}" is a const, which cannot change. Declare it with let', None

    def member(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Mistakes:
        """Yield calls of members that do not exist."""
        name, member = self.text(of), self.text(node)
        known = _MEMBERS[self._language].get(name, ())
        is_called = self._source[node.end_byte : node.end_byte + 1] == b"("
        if not known or member in known or member in _COMMON or not is_called:
            return
        if self._is_own(name) or member in self._own or self._uses[f"{name}.{member}"] > 0 or self._is_tried(node):
            return
        meant = self._similar(name, member)
        if meant or self._language is Language.JAVASCRIPT:
            hint = did_you_mean(meant) or f" Use one of: {', '.join(sorted(known))}."
            yield _line(node), f'"{name}.{member}" does not exist.{hint}', meant

    def part(self, of: tree_sitter.Node, node: tree_sitter.Node) -> Mistakes:
        """Yield parts that the code reads from the promise of fetch."""
        part = self.text(node)
        is_fetch = self.text(of) == "fetch" and not self._is_own("fetch") and not self._is_tried(node)
        if is_fetch and part not in _PROMISE_METHODS:
            yield _line(node), f"fetch(…) is a promise, which has no .{part}. Write (await fetch(…)).{part}", None

    def constant_comparison(self, captures: Mapping[str, Sequence[tree_sitter.Node]]) -> str | None:
        """Return why a condition has the same value in every run."""
        match {kind: self.text(nodes[0]) for kind, nodes in captures.items() if kind in _CONSTANT}:
            case {"always": value} if value.strip("0."):
                return f"the condition is always true, because {value} alone is. Compare again: … == {value}"
            case {"never": value}:
                return f"nothing equals {value}. {_EQUALS_NOTHING[value]}"
            case {"either": text} if first := self._first(captures["either"][0]):
                return f"{_shortened(text)} is always {first}. Compare with each value, and join the comparisons"
            case {"first": of, "second": again, "one": one, "other": other} if is_one_value(of, again, one, other):
                is_python = self._language is Language.PYTHON
                both = f"always true, because nothing equals both {one} and {other}"
                return f"the condition is {both}. Join with {'and' if is_python else '&&'}"
            case {"kind_of": kind} if kind not in _KINDS:
                hint = f" Write {_CHECKS[kind]}" if kind in _CHECKS else one_of(kind, _KINDS)
                return f'typeof is never "{kind}".{hint}'
        return None

    def _first(self, node: tree_sitter.Node | None) -> str | None:
        """Return the first value of an `or`, if it is a text or a number that counts as true."""
        for _ in range(_MOST_SCOPES):
            operator = node.child_by_field_name("operator") if node else None
            if node is None or operator is None or operator.type not in ("||", "or"):
                break
            node = node.child_by_field_name("left")
        is_literal = node is not None and node.type in ("string", "number", "integer")
        text = self.text(node) if node and is_literal else ""
        return text if _LITERAL.match(text) and text.strip("0.'\"") else None

    def method(self, of: tree_sitter.Node, node: tree_sitter.Node, packages: Set[str], reported: Set[str]) -> Mistakes:
        """Yield calls of methods that no value has: the code uses their names only in such calls."""
        name, meant = self.text(node), _METHODS[self._language]
        is_called = self._source[node.end_byte : node.end_byte + 1] == b"("
        is_only_called = self._called[name] == self._words[name.encode()]
        of_known = self.text(of).partition(".")[0] in {*reported, *_MEMBERS[self._language], "sim"}
        if not is_called or not is_only_called or of_known or name in reported or self._is_tried(node):
            return
        near = meant.get(name)
        if self._language is Language.PYTHON and packages - (_MEMBERS[self._language].keys() if near else set()):
            return
        if near is None and name not in _KNOWN_METHODS[self._language]:
            near = self._similar("", name)
        if near:
            yield _line(node), f"no value has a method .{name}().{did_you_mean(near)}", near

    def environment(self, node: tree_sitter.Node, variable: tree_sitter.Node) -> Mistakes:
        """Yield reads of environment variables, which code does not have."""
        name = self.text(variable)
        if name in _ENVIRONMENT or self._words[name.encode()] > 1 or self._is_tried(node):
            return
        parent = node.parent
        target = parent.child_by_field_name("left") if parent and parent.type == "assignment" else None
        is_tested = target is not None and self.text(target).encode() in self._tested
        if node.type == "call" and (is_tested or (parent and parent.type in _TESTS)):
            return
        yield _line(node), f"code has no environment variable {name}. Write {{{{{name}}}}}", f"{{{{{name}}}}}"

    def called(self, node: tree_sitter.Node, packages: Set[str]) -> Mistakes:
        """Yield calls of Python functions that only connect to servers."""
        name = self.text(node)
        is_network = any(name in _NETWORK[package] for package in packages & _NETWORK.keys())
        is_data = self._source[node.end_byte :][:7] in (b'("data:', b"('data:")
        if is_network and not is_data and name not in self._defined | self._own and not self._tried:
            yield _line(node), f'"{name}" fails, because code has no network. Call the service with an API block', None

    def _is_own(self, name: str) -> bool:
        """Return whether the code may define, extend or pass on what a well-known name means."""
        return name in self.ambiguous or name in self._scopes or self._uses[name] > 0

    def _is_tried(self, node: tree_sitter.Node) -> bool:
        return any(start <= node.start_byte < end for start, end in self._tried)

    def _similar(self, name: str, member: str) -> str | None:
        """Return the member that an unknown one probably means."""
        key = f"{name}.{member}"
        if key not in self._compared and len(self._compared) < _MOST_COMPARED:
            if name:
                near = nearest(member, sorted(_MEMBERS[self._language][name]))
                self._compared[key] = _EQUIVALENTS.get(key) or (f"{name}.{near}" if near else None)
            else:
                near = nearest(member, sorted(_USUAL_METHODS[self._language]), least=_CLOSE)
                self._compared[key] = near and f".{near}"
        return self._compared.get(key)

    def text(self, node: tree_sitter.Node) -> str:
        """Return the source of a node."""
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")


def is_one_value(of: str, again: str, one: str, other: str) -> bool:
    """Return whether two comparisons are of the same value, which cannot equal both literals."""
    kinds = [match.lastgroup for each in (one, other) if (match := _LITERAL.match(each))]
    is_same_kind = kinds in (["text", "text"], ["number", "number"])
    return of == again and is_same_kind and one.strip("\"'") != other.strip("\"'") and not _CHANGING.search(of)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _line(node: tree_sitter.Node) -> int:
    return node.start_point.row + 1


@cache
def _query(language: Language) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), _QUERIES[language])
