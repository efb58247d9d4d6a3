"""Placeholders of variables in texts that lack the mark which makes them more than text."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.compile.code_references import CodeTemplate, location_of
from shared.workflow.validate.returns import Program

_PLAIN_TEXTS: Final = {
    Language.JAVASCRIPT: "(string (string_fragment) @part)",
    Language.PYTHON: '(string (string_start) @quote (string_content) @part (#not-match? @quote "^[bBfFrRtT]"))',
}
"""Parts of texts in which a placeholder may lack its mark."""
_PROBLEMS: Final = {
    Language.JAVASCRIPT: 'a text in quotes keeps "{}" as typed. Write it in backticks',
    Language.PYTHON: 'a text keeps "{}" as typed. Write f before its quote',
}
_DECLARED: Final = re.compile(rb"(?:\b(?:const|let|var)\s+|^[ \t]*)([A-Za-z_]\w{0,60})\s*=(?!=)", re.MULTILINE)
_PARAMETERS: Final = {
    Language.JAVASCRIPT: """
(function_declaration parameters: (formal_parameters (identifier) @name)) @scope
(_ parameters: (formal_parameters (identifier) @name .)) @scope
(arrow_function parameter: (identifier) @name) @scope
(for_in_statement left: (identifier) @name) @scope
""",
    Language.PYTHON: """
(_ parameters: (parameters (identifier) @name)) @scope
(for_statement left: (identifier) @name) @scope
(_ (for_in_clause left: (identifier) @name)) @scope
""",
}
_PLACEHOLDER: Final = re.compile(r"(?<!\{)\$?\{ *(?P<name>[A-Za-z_]\w{0,60})(?!\w|:\s)")
_TEMPLATES: Final = re.compile(rb"\.format|%|Template|replace|\b(?:sub|split|eval|exec|Function|vars|locals|globals)\(")
_WORD: Final = re.compile(r"[\w$]+")
_DECLARATIONS: Final = frozenset({"variable_declarator", "assignment", "assignment_expression"})


def unmarked_placeholders(program: Program, language: Language) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each text with a placeholder of a variable that the code reads nowhere else."""
    if b"{" in program.source and _TEMPLATES.search(program.source) is None:
        texts = _Texts(program, language)
        for part in texts.parts:
            if placeholder := texts.placeholder(part):
                yield part.start_point.row + 1, _PROBLEMS[language].format(placeholder)


def unmarked_references(template: CodeTemplate) -> Iterator[tuple[int, str]]:
    """Yield line and problem of each reference in `${…}` in quotes, unless the code may be a text with a template."""
    source = template.source
    if (
        template.language is not Language.JAVASCRIPT
        or "`" in source
        or _TEMPLATES.search(source.encode(errors="surrogatepass"))
    ):
        return
    for start, end, part, name in template.marks:
        if source[max(0, start - 2) : start] == "${" and source[end : end + 1] == "}" and name.endswith("_text__"):
            yield location_of(source, start).line, _PROBLEMS[template.language].format(f"${{{part.raw}}}")


class _Texts:
    """Texts in quotes, and the names that code declares and then has only in them."""

    def __init__(self, program: Program, language: Language) -> None:
        self._root, self._source = program
        self._is_javascript = language is Language.JAVASCRIPT
        plain = tree_sitter.QueryCursor(query(language, _PLAIN_TEXTS[language])).captures(self._root)
        self.parts = plain.get("part", [])
        self._words = Counter(_WORD.findall(self._source.decode(errors="replace")))
        self._placeholders = Counter(match["name"] for part in self.parts for match in self._placeholders_of(part))
        self._declared = {match[1].decode(): match.span(1) for match in _DECLARED.finditer(self._source)}
        found = tree_sitter.QueryCursor(query(language, _PARAMETERS[language])).matches(self._root)
        self._scopes = {source_of(each["name"][0], self._source): each["scope"][0] for _, each in found}

    def _placeholders_of(self, part: tree_sitter.Node) -> Iterator[re.Match[str]]:
        return _PLACEHOLDER.finditer(source_of(part, self._source))

    def placeholder(self, part: tree_sitter.Node) -> str | None:
        """Return the first placeholder of a part of a text that means a variable."""
        around = part.parent.parent if part.parent else None
        target = around.child_by_field_name("name") or around.child_by_field_name("left") if around else None
        is_name = target is not None and target.type == "identifier"
        is_unread = target is not None and is_name and self._words[source_of(target, self._source)] == 1
        is_unused = is_unread or (around is not None and around.type == "expression_statement")
        for match in () if is_unused else self._placeholders_of(part):
            name, is_dollar = match["name"], match[0].startswith("$")
            is_only_here = self._words[name] == self._placeholders[name] + 1
            if is_dollar == self._is_javascript and is_only_here and self._is_declared(name, part):
                return f"{match[0]}}}"
        return None

    def _is_declared(self, name: str, part: tree_sitter.Node) -> bool:
        """Return whether the code, not a text or a comment in it, declares a name for a part of it."""
        if scope := self._scopes.get(name):
            return scope.start_byte <= part.start_byte < scope.end_byte
        start, end = self._declared.get(name, (0, 0))
        node = self._root.descendant_for_byte_range(start, end) if end else None
        return node is not None and node.parent is not None and node.parent.type in _DECLARATIONS
