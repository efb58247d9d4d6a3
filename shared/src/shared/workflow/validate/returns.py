"""What a piece of code returns."""

import re
from collections import Counter
from collections.abc import Sequence, Set
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, TooComplex, parse

_LONGEST: Final = 50_000
"""Longer code is not checked, like in `undefined_names`."""
_SCOPES: Final = frozenset(
    {"function_declaration", "function_expression", "generator_function_declaration", "generator_function"}
    | {"arrow_function", "method_definition", "function_definition", "lambda", "class_static_block"}
)
"""Nodes whose returns are their own."""
_SPECIAL: Final = frozenset({"__proto__", "toJSON"})
"""Keys that give an object other fields."""
_DECLARED: Final = re.compile(r"^(?:async +)?(?:function|def) +([A-Za-z_]\w{0,40})\(", re.MULTILINE)
_UNKNOWN: Final = frozenset({"export_statement", "ERROR"})
"""Nodes that are reported."""


class Returns:
    """The values that code returns outside of the functions that it declares."""

    def __init__(self, program: str, language: Language) -> None:
        self._source = program.encode(errors="surrogatepass")
        found = _statements(self._source, language) if len(program) <= _LONGEST else None
        self.is_nothing = found == []
        """Whether the code certainly returns nothing."""
        self.fields = self._fields(found) if found else None
        """Keys of the returned objects; None if it may return anything else."""

    def _fields(self, statements: Sequence[tree_sitter.Node]) -> Set[str] | None:
        keys: set[str | None] = set()
        for statement in statements:
            value = next((each for each in statement.named_children if each.type != "comment"), None)
            while value is not None and value.type == "parenthesized_expression":
                value = value.named_children[0]
            if value is None or value.type not in ("object", "dictionary"):
                return None
            keys.update(self._key(each) for each in value.named_children if each.type != "comment")
        return None if None in keys else {each for each in keys if each}

    def _key(self, entry: tree_sitter.Node) -> str | None:
        """Return the key of an entry; None if it has another form than a name."""
        is_short = entry.type == "shorthand_property_identifier"
        node = entry if is_short else entry.child_by_field_name("key")
        if node is None or node.type not in ("shorthand_property_identifier", "property_identifier", "string"):
            return None
        text = self._source[node.start_byte : node.end_byte].decode(errors="replace")
        name = text[1:-1] if node.type == "string" else text
        return name if name.replace("$", "_").isidentifier() and name not in _SPECIAL else None


def uncalled_function(source: str) -> str | None:
    """Return the name of the last outermost function that the code declares and does not use."""
    uses = Counter(re.findall(r"\w+", source))
    names = [name for name in _DECLARED.findall(source) if uses[name] == 1]
    return names[-1] if names else None


def _statements(source: bytes, language: Language) -> list[tree_sitter.Node] | None:
    """Return the return statements; None if there may be others."""
    if b"__sim_result__" in source:
        return None
    try:
        pending = [parse(source, language).root_node]
    except TooComplex:
        return None
    found: list[tree_sitter.Node] = []
    while pending:
        node = pending.pop()
        if node.type in _UNKNOWN:
            return None
        if node.type == "return_statement":
            found.append(node)
        else:
            pending.extend(each for each in node.named_children if each.type not in _SCOPES)
    return found
