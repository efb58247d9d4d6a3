"""Code that parses and reads only known names, but cannot work in the sandbox."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.validate.returns import Program

_MOST: Final = 5
_FETCHED: Final = re.compile(r"\bconst\s+(?P<name>\w{1,64})\s*=\s*fetch\(")
_EACH: Final = re.compile(r"\b(?:const|let|var)\s+(?P<name>\w{1,64})\s*=\s*\w[\w.]{0,100}\.forEach\(")
_OWN_EACH: Final = re.compile(r"forEach\s*[:=]|\bforEach\(\w*\)\s*\{")
_READ: Final = r"\.(?:json|text|blob|arrayBuffer)\("


def code_mistakes(template: CodeTemplate, code: Program) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each mistake."""
    program, root = template.program, code.root
    if template.language is not Language.JAVASCRIPT or template.is_expression:
        return
    candidates = [*_promises(program), *_without_result(program)]
    for node in root.children:
        if node.type == "export_statement":
            yield node.start_point.row + 1, "code has no exports: remove export, and return a value"
    for start, text in candidates:
        if _is_code(root, len(program[:start].encode(errors="surrogatepass"))):
            yield program.count("\n", 0, start) + 1, text


def _promises(program: str) -> Iterator[tuple[int, str]]:
    """Yield the answers of fetch that are read without await: all other uses of the name may wait for it."""
    for match in islice(_FETCHED.finditer(program), _MOST):
        name = re.escape(match["name"])
        uses = len(re.findall(rf"\b{name}\b", program)) - 1
        if uses and uses == len(re.findall(rf"\b{name}{_READ}", program)):
            yield match.start(), f'"{match["name"]}" is a promise, because await is missing. Write await fetch(…)'


def _without_result(program: str) -> Iterator[tuple[int, str]]:
    """Yield the calls of forEach that give a variable its value, if the code reads it later."""
    found = () if _OWN_EACH.search(program) else islice(_EACH.finditer(program), _MOST)
    for match in found:
        if re.search(rf"\b{match['name']}\b", program[match.end() :]):
            yield match.start(), "forEach returns nothing. Call map or reduce, which return values"


def _is_code(root: tree_sitter.Node, start: int) -> bool:
    """Return whether neither a text nor a comment is at a position."""
    node = root.descendant_for_byte_range(start, start + 1)
    return node is not None and node.type not in ("comment", "string_content", "string_fragment", "template_string")
