"""Names that code reads although neither the code nor the sandbox defines them."""

import sys
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Set
from functools import cache
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, TooComplex, grammar, parse
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.known_names import KNOWN_NAMES

_LONGEST: Final = 50_000
"""Longer code is not checked: it takes time, and people do not write it by hand."""
_MOST_REPORTED: Final = 5
_SHORTEST_GLOBAL: Final = 5
"""Shorter names of the language are similar to too many others."""
_SCOPES: Final = frozenset(
    {"function_declaration", "function_expression", "generator_function_declaration", "generator_function"}
    | {"arrow_function", "method_definition", "function_definition", "lambda", "class_static_block"}
)
"""Nodes whose returns are their own."""
_SIDES: Final = 3
"""Parts of a comparison with one operator."""
_EQUALITIES: Final = frozenset({"==", "===", "!=", "!=="})


def undefined_names(
    program: str, language: Language, defined: Set[str], blocks: Container[str]
) -> Iterator[tuple[int, str, str | None]]:
    """Yield line, problem and nearest defined name, once for each name that is not defined or package that is missing.

    `program` has variables in place of references; `defined` are their names. `blocks` are the names of blocks, which
    references read. Code that does not parse has none.
    """
    if len(program) > _LONGEST:
        return
    source = program.encode(errors="surrogatepass")
    try:
        root = parse(source, language).root_node
    except TooComplex:
        return
    if root.has_error:
        return
    known = KNOWN_NAMES[language]
    found = tree_sitter.QueryCursor(_query(language)).captures(root)
    yield from _packages(source, found.get("package", ()))
    declarations = found.get("declared", ())
    spans = _merged(sorted((node.start_byte, node.end_byte) for node in declarations))
    starts = [start for start, _ in spans]
    skipped = {node.start_byte for node in found.get("skipped", ())}
    declared = {
        source[node.start_byte : node.end_byte].decode(errors="replace")
        for node in declarations
        if node.type == "shorthand_property_identifier_pattern"
    }
    read: dict[str, tuple[int, tree_sitter.Node]] = {}
    for node in sorted(found.get("name", ()), key=lambda each: each.start_byte):
        name = source[node.start_byte : node.end_byte].decode(errors="replace")
        at = bisect_right(starts, node.start_byte) - 1
        if at >= 0 and node.start_byte < spans[at][1]:
            declared.add(name)
        elif node.start_byte not in skipped:
            read.setdefault(name, (node.start_point.row + 1, node))
    if known.uncertain & read.keys() or "open" in found:
        return
    unknown = [name for name in read if name not in declared | known.defined | defined]
    for name in unknown[:_MOST_REPORTED]:
        line, node = read[name]
        candidates = (*declared, *(each for each in known.defined if len(each) >= _SHORTEST_GLOBAL))
        near = known.meant.get(name) or nearest(name, candidates)
        is_text = name not in known.unavailable and near is None
        if is_text and _is_compared(node):
            yield line, f'"{name}" is not defined. Write a text in quotes: "{name}"', None
        elif normalize_name(name) in blocks:
            yield line, f'"{name}" is not defined. Write a reference in angle brackets: <{name}.…>', None
        elif reason := known.unavailable.get(name):
            yield line, f'"{name}" does not exist here: {reason}', None
        else:
            yield line, f'"{name}" is not defined.{did_you_mean(near)}', near


def has_return(program: str, language: Language) -> bool:
    """Return whether code returns outside of the functions that it declares, or may do so."""
    if len(program) > _LONGEST:
        return True
    try:
        root = parse(program.encode(errors="surrogatepass"), language).root_node
    except TooComplex:
        return True
    pending = [root]
    while pending:
        node = pending.pop()
        if node.type in ("return_statement", "export_statement", "ERROR"):  # exports are reported
            return True
        pending.extend(each for each in node.named_children if each.type not in _SCOPES)
    return False


def _packages(source: bytes, imported: Iterable[tree_sitter.Node]) -> Iterator[tuple[int, str, str | None]]:
    names = (
        (node, source[node.start_byte : node.end_byte].decode(errors="replace").split(".")[0]) for node in imported
    )
    missing = ((node, name) for node, name in names if name not in sys.stdlib_module_names and not _is_tried(node))
    for node, name in islice(missing, _MOST_REPORTED):
        yield node.start_point.row + 1, f'the package "{name}" is not available: only the standard library is', None


def _is_tried(node: tree_sitter.Node) -> bool:
    """Return whether a node is inside a `try`, which may handle that a package is missing."""
    parent = node.parent
    while parent is not None and parent.type != "try_statement":
        parent = parent.parent
    return parent is not None


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return sorted spans without those inside others."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if not merged or start >= merged[-1][1]:
            merged.append((start, end))
    return merged


@cache
def _query(language: Language) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), KNOWN_NAMES[language].declarations)


def _is_compared(node: tree_sitter.Node) -> bool:
    """Return whether a name is what something is compared with."""
    parent = node.parent
    if (
        parent is None
        or parent.type not in ("binary_expression", "comparison_operator")
        or parent.child_count != _SIDES
    ):
        return False
    _, operator, right = parent.children
    return operator.type in _EQUALITIES and right.start_byte == node.start_byte
