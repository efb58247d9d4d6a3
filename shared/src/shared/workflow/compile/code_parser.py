"""Syntax trees of user code, and the positions of references in them.

The parser recovers from errors, so every source has a tree. Work is bounded: see `parse`.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import tree_sitter
import tree_sitter_javascript
import tree_sitter_python


class Language(StrEnum):
    """Languages of user code."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class TooComplex(Exception):
    """The parser needed more steps for a source than its size justifies."""


@dataclass(slots=True)
class SyntaxNode:
    """A node on the path from the root to a reference."""

    node: tree_sitter.Node
    type: str
    start: int
    end: int
    field: str
    parent: "SyntaxNode | None"
    context: "SyntaxNode | None" = None
    """The nearest text node, this one included; None in plain code."""
    follows_bare_field: bool = False
    """Whether the preceding class element is a name without a value, which may be the `static` or `get` of this."""
    is_pattern: bool = False
    """Whether it is in a pattern of Python's `match`, where a name is assigned to and a string must be literal."""


COMMENTS: Final = frozenset({"comment", "html_comment", "hash_bang_line"})
_CODE_WITHIN_TEXT: Final = frozenset({"template_substitution", "interpolation", "format_expression"})
_CONTEXTS: Final = (
    COMMENTS | _CODE_WITHIN_TEXT | {"string", "template_string", "regex", "regex_flags", "format_specifier"}
)
_PATTERNS: Final = frozenset({"case_pattern", "if_clause"})
_GRAMMARS: Final = {Language.JAVASCRIPT: tree_sitter_javascript.language, Language.PYTHON: tree_sitter_python.language}
_CHUNK: Final = 4 * 1024
_MOST_READS: Final = 256
"""Average reads of a chunk. Ordinary code is read once or twice; an unclosed bracket, once for each."""
_LEAST_READS: Final = 256
_STEPS_PER_BYTE: Final = 1
"""A step is a hundred parser operations. Ordinary code takes one for every twenty bytes or more."""
_LEAST_STEPS: Final = 10_000
_STEPS_AFTER_ERROR: Final = 10_000
"""Limit of the slow error recovery. Other code of 300 kB takes fewer steps in all."""
_HALF_CHARACTER: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_LONE_RETURN: Final = re.compile(rb"\r(?!\n)")


@cache
def grammar(language: Language) -> tree_sitter.Language:
    """Return the grammar of a language."""
    return tree_sitter.Language(_GRAMMARS[language]())


@cache
def query(language: Language, text: str) -> tree_sitter.Query:
    """Return a query of programs of a language."""
    return tree_sitter.Query(grammar(language), text)


def source_of(node: tree_sitter.Node, source: bytes) -> str:
    """Return the source of a node."""
    return source[node.start_byte : node.end_byte].decode(errors="replace")


def parse(source: bytes, language: Language) -> tree_sitter.Tree:
    """Parse UTF-8. Offsets in the tree are those of `source`. Raises TooComplex."""
    source = _readable(source, language)
    budget = _Budget(
        steps=_LEAST_STEPS + _STEPS_PER_BYTE * len(source),
        reads=_LEAST_READS + _MOST_READS * len(source) // _CHUNK,
        recovery=_STEPS_AFTER_ERROR,
    )

    def is_over_budget(_offset: int, has_error: bool) -> bool:
        budget.steps -= 1
        budget.recovery -= has_error
        return budget.is_spent

    def chunk(offset: int, _point: tree_sitter.Point) -> bytes:
        budget.reads -= 1
        return b"" if budget.is_spent else source[offset : offset + _CHUNK]

    try:
        tree = tree_sitter.Parser(grammar(language)).parse(chunk, progress_callback=is_over_budget)
    except ValueError as error:
        raise TooComplex from error
    if budget.is_spent:
        raise TooComplex
    budget.reads = sys.maxsize  # `Node.text` calls `chunk` too, without end if it returns nothing
    return tree


@dataclass(slots=True)
class _Budget:
    """Work limit of one source, counted rather than timed, so that every machine decides alike."""

    steps: int
    reads: int
    recovery: int

    @property
    def is_spent(self) -> bool:
        return min(self.steps, self.reads, self.recovery) < 0


def _readable(source: bytes, language: Language) -> bytes:
    """Replace text that the parser reads differently from the engine, keeping offsets."""
    source = _HALF_CHARACTER.sub("\ufffd".encode(), source).replace(b"\0", b"\x01")
    return _LONE_RETURN.sub(b"\n", source) if language is Language.PYTHON else source


def syntax_nodes(tree: tree_sitter.Tree, ranges: Iterable[tuple[int, int]]) -> Iterator[SyntaxNode]:
    """Yield the innermost node around each range. Ranges are in order and do not overlap.

    The cursor only moves forward, so that time is linear in the source, not quadratic.
    """
    cursor = tree.walk()
    syntax = _syntax_node(cursor, None)
    for start, end in ranges:
        while True:
            parent = syntax.parent
            if syntax.start <= start and end <= syntax.end:
                if cursor.goto_first_child():
                    syntax = _syntax_node(cursor, syntax)
                    continue
                yield syntax
            elif parent is None:
                yield syntax
            elif parent.end < end:
                cursor.goto_parent()
                syntax = parent
                continue
            elif syntax.start < end and cursor.goto_next_sibling():
                before, syntax = syntax, _syntax_node(cursor, parent)
                is_comment = before.type in COMMENTS
                syntax.follows_bare_field = before.follows_bare_field if is_comment else _is_bare_field(before)
                continue
            else:
                yield parent
            break


def _syntax_node(cursor: tree_sitter.TreeCursor, parent: SyntaxNode | None) -> SyntaxNode:
    node = cursor.node
    assert node is not None, "a cursor is always at a node"  # noqa: S101
    syntax = SyntaxNode(node, node.type, node.start_byte, node.end_byte, cursor.field_name or "", parent)
    if parent is not None:
        syntax.context, syntax.is_pattern = parent.context, parent.is_pattern
    if node.is_named and node.type in _CONTEXTS:
        syntax.context = None if node.type in _CODE_WITHIN_TEXT else syntax
    if node.type in _PATTERNS:
        syntax.is_pattern = node.type == "case_pattern"
    return syntax


def _is_bare_field(syntax: SyntaxNode) -> bool:
    return syntax.type == "field_definition" and syntax.node.child_by_field_name("value") is None


def first_error(tree: tree_sitter.Tree) -> int | None:
    """Return the position of the first syntax error, None if it parses."""
    if not tree.root_node.has_error:
        return None
    cursor, offset = tree.walk(), 0
    while True:
        node = cursor.node
        if node is None or node.is_error or node.is_missing or not cursor.goto_first_child():
            return offset if node is None else node.start_byte
        while cursor.node is not None and not _is_broken(cursor.node):
            offset = cursor.node.end_byte
            if not cursor.goto_next_sibling():
                return offset


def leaves(tree: tree_sitter.Tree) -> Iterator[tuple[str, int]]:
    """Yield type and line of each token that the source has."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is not None and not node.child_count and not node.is_missing:
            yield node.type, node.start_point.row + 1
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _is_broken(node: tree_sitter.Node) -> bool:
    return node.has_error or node.is_error or node.is_missing


def imports(source: str) -> bool:
    """Return whether JavaScript has an import statement; code that does not parse is checked by line."""
    if _IMPORT_LINE.search(source) is None:
        return False
    try:
        tree = parse(source.encode(errors="surrogatepass"), Language.JAVASCRIPT)
    except TooComplex:
        return True
    found = tree_sitter.QueryCursor(query(Language.JAVASCRIPT, "(import_statement) @import")).captures(tree.root_node)
    return bool(found) or tree.root_node.has_error


_IMPORT_LINE: Final = re.compile(r"^[^\S\n]*+import\b(?!\s*\()", re.MULTILINE)
"""`[^\\S\\n]` avoids quadratic scans of a million blank lines."""
