"""Code that parses and reads only known names, but cannot work in the sandbox."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.validate.returns import Program

_MOST: Final = 5
_CALLED: Final = re.compile(
    r"\bconst\s+(?P<name>\w{1,64})\s*=\s*(?:(?P<of>\w{1,64})(?=\.(?:json|text)\())?(?P<called>\w{1,64}|\.\w{1,64})\("
)
_ASYNC: Final = re.compile(r"\basync\s+function\s+(\w{1,64})\(|\bconst\s+(\w{1,64})\s*=\s*async\b")
_ANSWER: Final = re.compile(r"\bconst\s+(?P<name>\w{1,64})\s*=\s*await\s+fetch\(")
_USE: Final = re.compile(r"(?<![\w$.])[\w$]{1,64}")
_READ: Final = re.compile(r"(?<![\w$.])([\w$]{1,64})\.(?!then\b|catch\b|finally\b)\w")
_EACH: Final = re.compile(r"\b(?:const|let|var)\s+(?P<name>\w{1,64})\s*=\s*\w[\w.]{0,100}\.forEach\(")
_OWN_EACH: Final = re.compile(r"forEach\s*[:=]|\bforEach\(\w*\)\s*\{")


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
    """Yield the promises that are read without await: all other uses of the name may wait for it."""
    if "await" not in program and "fetch" not in program and "async" not in program:
        return
    own = {name for names in _ASYNC.findall(program) for name in names}
    answers = {match["name"] for match in _ANSWER.finditer(program)}
    uses = Counter(_USE.findall(program))
    read = Counter(_READ.findall(program))
    for match in _CALLED.finditer(program):
        name, called = match["name"], match["called"]
        is_promise = match["of"] in answers if match["of"] else called in {"fetch", *own}
        if is_promise and 0 < uses[name] - 1 == read[name]:
            call = f"{match['of'] or ''}{called}"
            yield match.start(), f'"{name}" is a promise, because await is missing. Write await {call}(…)'


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
