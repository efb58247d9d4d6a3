"""Names, members and `try` statements of a piece of code, which several checks need."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Final, NamedTuple

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.validate.code.known_names import declarations
from shared.workflow.validate.returns import Program

_TESTS: Final = frozenset({"||", "&&", "??", "!", "typeof", "in"})
_DECLARATIONS: Final = frozenset({"function_declaration", "generator_function_declaration", "function_definition"})
WORD: Final = re.compile(rb"[\w$]+")
_NAMES: Final = {
    Language.JAVASCRIPT: """
(lexical_declaration (variable_declarator name: (identifier) @declared))
[(assignment_expression left: (member_expression property: (property_identifier) @added))
 (augmented_assignment_expression left: (member_expression property: (property_identifier) @added))]
(try_statement body: (_) @tried)
[(arrow_function) (function_expression) (function_declaration) (method_definition) (generator_function)
 (generator_function_declaration)] @function
(member_expression object: (identifier) @plain)
[(call_expression function: (identifier) @plain) (new_expression constructor: (identifier) @plain)]
(identifier) @identifier
""",
    Language.PYTHON: """
[(function_definition name: (identifier) @declared) (class_definition name: (identifier) @declared)
 (assignment left: (identifier) @declared)]
(assignment left: (attribute attribute: (identifier) @added))
(try_statement body: (_) @tried)
[(function_definition) (lambda)] @function
(attribute object: (identifier) @plain)
[(attribute attribute: (identifier) @plain) (keyword_argument name: (identifier) @plain)
 (import_statement name: (dotted_name (identifier) @plain))]
(identifier) @identifier
""",
}


class Mistake(NamedTuple):
    """A mistake in code."""

    node: tree_sitter.Node
    text: str
    suggestion: str | None = None
    """Nearest valid name."""

    @property
    def line(self) -> int:
        return self.node.start_point.row + 1


class Spans:
    """Parts of a source, without those inside others."""

    def __init__(self, nodes: Iterable[tree_sitter.Node]) -> None:
        self.merged: list[tuple[int, int]] = []
        for start, end in sorted((node.start_byte, node.end_byte) for node in nodes):
            if not self.merged or start >= self.merged[-1][1]:
                self.merged.append((start, end))
        self._starts = [start for start, _ in self.merged]

    def __contains__(self, node: tree_sitter.Node) -> bool:
        at = bisect_right(self._starts, node.start_byte) - 1
        return at >= 0 and node.start_byte < self.merged[at][1]


class CodeContext:
    """Source of a piece of code, and its uses of names. `parameters` are those that the code of a tool has."""

    def __init__(self, program: Program, language: Language, parameters: Set[str]) -> None:
        self.program = program
        self._root, self.source = program
        self.language, self.parameters = language, parameters
        self._tested: dict[tuple[str, bool], bool] = {}
        self._is_own: dict[str, bool] = {}
        self.names = tree_sitter.QueryCursor(declarations(language)).captures(self._root)
        """Names and declarations, by the captures that KnownNames describes."""
        self.bindings, self.reads = self._bindings_and_reads()
        self.packages = {self.text(node).split(".")[0] for node in self.names.get("package", ())}
        """Packages that the code imports."""
        self.words = Counter(WORD.findall(self.source))
        others = Spans([*self.names.get("declared", ()), *self.names.get("augmented", ())])
        words = (word for start, end in others.merged for word in WORD.findall(self.source, start, end))
        self.ambiguous = {word.decode(errors="replace") for word in words} | parameters
        """Names that may have several values: declared otherwise than with a plain `let`, `const` or `import`."""
        found = tree_sitter.QueryCursor(query(language, _NAMES[language])).captures(self._root)
        tried, functions = found.get("tried", ()), found.get("function", ())
        self.has_try = bool(tried)
        self.tried = Spans([*tried, *(each for each in functions if tried or self._is_unused(each))])
        """Bodies of `try` statements, functions that they may call, and those that nothing calls."""
        self.declared = {*map(self.text, found.get("declared", ()))}
        """Names declared with `let` or `const`, and functions, classes and variables of Python."""
        self.added_members = {*map(self.text, found.get("added", ()))}
        """Members that the code adds to objects."""
        self._uses = Counter(map(self.text, found.get("identifier", ())))
        self._uses.subtract(map(self.text, found.get("plain", ())))

    def _bindings_and_reads(self) -> tuple[dict[str, list[int]], dict[str, tree_sitter.Node]]:
        """Return the positions at which code binds each name, in order, and the first read of each other one."""
        bound = [*self.names.get("declared", ()), *self.names.get("plain", ())]
        spans, skipped = Spans(bound), {node.start_byte for node in self.names.get("skipped", ())}
        short = [node for node in bound if node.type == "shorthand_property_identifier_pattern"]
        bindings: dict[str, list[int]] = {}
        reads: dict[str, tree_sitter.Node] = {}
        for node in sorted((*self.names.get("name", ()), *short), key=lambda each: each.start_byte):
            name = self.text(node)
            if node in spans:
                bindings.setdefault(name, []).append(node.start_byte)
            elif node.start_byte not in skipped:
                reads.setdefault(name, node)
        return bindings, reads

    def matches(self, queries: Mapping[Language, str]) -> Iterator[Mapping[str, tree_sitter.Node]]:
        """Yield the captures of each match of the query for the language, if there is one."""
        if text := queries.get(self.language):
            for _, captures in tree_sitter.QueryCursor(query(self.language, text)).matches(self._root):
                yield {kind: nodes[0] for kind, nodes in captures.items()}

    def text(self, node: tree_sitter.Node) -> str:
        """Return the source of a node."""
        return source_of(node, self.source)

    def _is_unused(self, function: tree_sitter.Node) -> bool:
        """Return whether the code declares a function, and has its name nowhere else."""
        name = function.child_by_field_name("name") if function.type in _DECLARATIONS else None
        return name is not None and self.words[self.text(name).encode()] == 1

    def is_tested(self, name: str, *, is_called: bool) -> bool:
        """Return whether the code has the name of a member in quotes, or that of a method without a call."""
        if (name, is_called) not in self._tested:
            calls, reads = (self.source.count(f".{name}{end}".encode()) for end in ("(", ""))
            is_quoted = any(f"{quote}{name}{quote}".encode() in self.source for quote in "\"'`")
            self._tested[name, is_called] = is_quoted or (is_called and calls != reads)
        return self._tested[name, is_called]

    def may_define(self, name: str) -> bool:
        """Return whether the code may have its own member of this name, which it has without a dot before it."""
        if name not in self._is_own:
            reads = len(re.findall(rf"\.{re.escape(name)}(?![\w$])".encode(), self.source))
            self._is_own[name] = name in self.added_members or self.words[name.encode()] != reads
        return self._is_own[name]

    def is_bound_in(self, name: str, node: tree_sitter.Node) -> bool:
        """Return whether the code declares or assigns a name in a part of it."""
        positions = self.bindings.get(name, ())
        at = bisect_left(positions, node.start_byte)
        return at < len(positions) and positions[at] < node.end_byte

    def is_redefined(self, name: str) -> bool:
        """Return whether the code may define, extend or pass on the object that a well-known name means."""
        return name in self.ambiguous or name in self.declared or self._uses[name] > 0


def is_tested_read(read: tree_sitter.Node | None) -> bool:
    """Return whether code looks whether a value has a member."""
    parent = read.parent if read else None
    while parent is not None and parent.type == "parenthesized_expression":
        parent = parent.parent
    operator = parent.child_by_field_name("operator") if parent else None
    right = parent.child_by_field_name("right") if parent else None
    is_compared = right is not None and right.type in ("undefined", "null")
    is_test = is_compared or (operator is not None and operator.type in _TESTS)
    is_optional = parent is not None and any(each.type == "optional_chain" for each in parent.children)
    return is_test or is_optional or (parent is not None and parent.type in ("ternary_expression", "if_statement"))
