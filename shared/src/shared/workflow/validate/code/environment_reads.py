"""Environment variables that Python code reads, although the sandbox does not have them."""

import re
from collections.abc import Iterator
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_AVAILABLE: Final = frozenset({"TZ", "LANG", "LC_ALL", "LC_CTYPE", "HOME", "PATH", "PWD", "USER", "TMPDIR"})
"""Environment variables that code may have."""
_TESTED: Final = re.compile(
    rb"\b(?:if|elif|while|not|or|and|assert)\s+(?:not\s+)?(\w+)|\b(\w+)\s*(?=\b(?:or|and|is|if)\b|[=!]=)"
)
"""Names that the code tests for a value."""
_TESTS: Final = frozenset(
    {
        "boolean_operator",
        "not_operator",
        "comparison_operator",
        "conditional_expression",
        "if_statement",
        "elif_clause",
        "while_statement",
        "parenthesized_expression",
    }
)
"""Syntax that tests a value."""
_NAME: Final = "(string (string_start) . (string_content) @variable . (string_end))"
_READS: Final = {
    Language.PYTHON: f"""
(subscript value: (attribute object: (identifier) @os attribute: (identifier) @environ)
 subscript: {_NAME} (#eq? @os "os") (#eq? @environ "environ")) @read
(call function: (attribute) @getter arguments: (argument_list . {_NAME} .)
 (#any-of? @getter "os.getenv" "os.environ.get")) @read
"""
}


def environment_reads(code: CodeContext) -> Iterator[Mistake]:
    """Yield the reads of variables that the code mentions once, and does not test."""
    reads = list(code.matches(_READS))
    tested = {name for match in _TESTED.finditer(code.source) for name in match.groups()} if reads else set()
    for captures in reads:
        node, name = captures["read"], code.text(captures["variable"])
        if name in _AVAILABLE or code.words[name.encode()] > 1 or node in code.tried:
            continue
        if node.type == "call" and (parent := node.parent):
            target = parent.child_by_field_name("left") if parent.type == "assignment" else None
            if parent.type in _TESTS or (target and code.text(target).encode() in tested):
                continue
        reference = f"{{{{{name}}}}}"
        yield Mistake(node, f"code has no environment variable {name}. Write {reference}", reference)
