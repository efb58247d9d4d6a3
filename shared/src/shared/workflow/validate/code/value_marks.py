"""Places at which code reads an output as a value: a reference, or a name that has only this value."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import tree_sitter

from shared.workflow.compile.code_parser import Language, query
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.references import Reference
from shared.workflow.validate.code.code_context import Spans
from shared.workflow.validate.code.known_names import declarations
from shared.workflow.validate.returns import Program

_MOST: Final = 50
"""Uses of names: finding their positions takes time."""
_ALIASES: Final = {
    Language.JAVASCRIPT: """
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @alias value: (identifier) @value))
(for_in_statement kind: "const" left: (identifier) @alias operator: "of" right: (identifier) @value) @loop
""",
    Language.PYTHON: """
(assignment left: (identifier) @alias !type right: (identifier) @value)
(for_statement left: (identifier) @alias right: (identifier) @value) @loop
(for_in_clause left: (identifier) @alias right: (identifier) @value) @loop
""",
}


class ValueMark(NamedTuple):
    """A place in a text: the source, or the program."""

    text: str
    start: int
    end: int
    part: Reference

    @property
    def name(self) -> str:
        """Return what the code writes."""
        return self.text[self.start : self.end]

    @property
    def shown(self) -> str:
        """Return the reference, after the name that the code gives to it."""
        return self.part.raw if self.name == self.part.raw else f'"{self.name}", which is {self.part.raw},'

    def field(self, name: str) -> str:
        """Return how Python code reads a field."""
        return f"{self.part.raw[:-1]}.{name}>" if self.name == self.part.raw else f'{self.name}["{name}"]'


def value_marks(template: CodeTemplate, program: Program | None) -> list[ValueMark]:
    """Return all places at which the code reads an output as a value, not in a text."""
    references = template.value_references
    marks = [
        ValueMark(template.source, start, end, references[name])
        for start, end, _, name in template.marks
        if name in references
    ]
    return [*marks, *_named(template, program, references)] if marks and program else marks


def _named(template: CodeTemplate, program: Program, references: Mapping[str, Reference]) -> Iterator[ValueMark]:
    """Yield the uses of names that are declared only once, with a reference as their value."""
    root, source = program

    def text(node: tree_sitter.Node) -> str:
        return source[node.start_byte : node.end_byte].decode(errors="surrogatepass")

    matches = tree_sitter.QueryCursor(query(template.language, _ALIASES[template.language])).matches(root)
    aliases: dict[str, Reference] = {}
    for captures in (each for _, each in matches):
        if part := references.get(text(captures["value"][0])):
            entry = msgspec.structs.replace(part, raw=f"an entry of {part.raw}", path=(*part.path, 0))
            aliases[text(captures["alias"][0])] = entry if "loop" in captures else part
    if not aliases:
        return
    found = tree_sitter.QueryCursor(declarations(template.language)).captures(root)
    bound = [*found.get("declared", ()), *found.get("plain", ()), *found.get("augmented", ())]
    spans, others = Spans(bound), {node.start_byte for node in found.get("skipped", ())}
    times = Counter(text(node) for node in bound if node.type == "shorthand_property_identifier_pattern")
    uses = [node for node in found["name"] if node.start_byte not in others and text(node) in aliases]
    times.update(text(node) for node in uses if node in spans)
    read = (node for node in uses if node not in spans and times[text(node)] == 1)
    for node in islice(read, _MOST):
        start = len(source[: node.start_byte].decode(errors="surrogatepass"))
        yield ValueMark(template.program, start, start + len(text(node)), aliases[text(node)])
