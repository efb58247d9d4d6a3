"""Compile user code: a parser finds its references, and each becomes a variable."""

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

import msgspec

from shared.workflow.compile.code_parser import Language, TooComplex, first_error, imports, parse, syntax_nodes
from shared.workflow.compile.code_rewriter import (
    ClassifiedReference,
    Edit,
    Kind,
    Names,
    Placeholder,
    Use,
    classify,
    edits,
    identifier,
)
from shared.workflow.format.references import EnvMarker, Reference, is_environment_name, part_of

ENVIRONMENT_OBJECT: Final = "environmentVariables"
"""Name in code for the object that holds every environment value."""
CONTEXT_OBJECT: Final = "context"
"""Name in conditions for the output of the preceding block."""

Part: TypeAlias = Reference | EnvMarker
Key: TypeAlias = tuple[object, ...]
Known: TypeAlias = Callable[[Part], bool]

_PLAIN: Final = r"[^<>\n\r\u2028\u2029'\"`;{}]"
_SYNTAX: Final = re.compile(r"['\"`;{}]")
_ENVIRONMENT: Final = r"\{\{(?P<env>[^{}<>\n\r\u2028\u2029'\"`;]+)\}\}"
_WORD: Final = re.compile(r"[\w$]")
_EXPRESSION: Final = (b"f(\n", b"\n)")
"""Wraps an expression as it runs: the arguments of a call, on separate lines."""
MOST_REFERENCES: Final = 10_000
"""Maximum references and markers in a piece of code."""
_MOST_UNDECIDED: Final = 100
"""Maximum reported references that cannot be resolved."""
_MOST_PARSES: Final = 5
_MOST_VARIANTS: Final = 16


class Variable(NamedTuple):
    """A variable of a program."""

    name: str
    part: Part
    use: Use
    times: int
    """Number of occurrences in the program."""


class CodeMark(NamedTuple):
    """A reference in the source: `source[start:end]`."""

    start: int
    end: int
    part: Part
    name: str
    """Its variable in the program."""


class Location(NamedTuple):
    """A position in the author's source, line and column from one."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class Undecided(NamedTuple):
    """A reference that cannot become a variable at its position."""

    raw: str
    at: Location
    reason: str


class CodeTemplate(msgspec.Struct, frozen=True):
    """One piece of compiled code, immutable except for `variants`, a cache."""

    source: str
    language: Language
    is_expression: bool = False
    program: str = ""
    """The executed program. It has as many lines as the source."""
    marks: tuple[CodeMark, ...] = ()
    """The references outside comments, in order."""
    variables: tuple[Variable, ...] = ()
    """The program's variables, each once."""
    is_parsed: bool = False
    """Whether the source needed parsing."""
    syntax_error: Location | None = None
    """Position of the first syntax error in a parsed source."""
    undecided: tuple[Undecided, ...] = ()
    reads_environment: bool = False
    """Whether the author's text names the object that holds every environment value."""
    reads_context: bool = False
    """Whether the author's text names the output of the block before a condition."""
    imports: bool = False
    """Whether JavaScript has an import statement."""
    recompile: Callable[[Known], "CodeTemplate"] | None = None
    variants: MutableMapping[frozenset[Key], "CodeTemplate"] = msgspec.field(default_factory=dict)

    @property
    def value_references(self) -> dict[str, Reference]:
        """Return the references that the program reads as values, by the names of their variables."""
        values = ((each.name, each.part) for each in self.variables if each.use is Use.VALUE)
        return {name: part for name, part in values if isinstance(part, Reference)}

    @property
    def _keys(self) -> frozenset[Key]:
        return frozenset(key_of(variable.part) for variable in self.variables)

    def without(self, keys: frozenset[Key]) -> "CodeTemplate":
        """Return the code compiled with some references left as typed, as part of the author's text."""
        if self.recompile is None:
            return self
        found = self.variants.get(keys)
        if found is None:
            wanted = self._keys - keys
            if len(self.variants) >= _MOST_VARIANTS:
                self.variants.clear()
            found = self.variants[keys] = self.recompile(lambda part: key_of(part) in wanted)
        return found


def odd_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the block names that contain quotes or other syntax: code refers to them by whole name only."""
    return tuple(sorted((name for name in names if _SYNTAX.search(name)), key=len, reverse=True))


def key_of(part: Part) -> Key:
    """Return a key that all spellings of a reference share."""
    return (part.raw,) if isinstance(part, EnvMarker) else (part.name, part.path)


def any_reference(_part: Part) -> bool:
    """Accept every candidate as a reference."""
    return True


def compile_code(
    source: str,
    language: Language = Language.JAVASCRIPT,
    *,
    odd_names: tuple[str, ...] = (),
    known: Known = any_reference,
    is_expression: bool = False,
    names: Names | None = None,
) -> CodeTemplate:
    """Find the references of a source, and turn each into a variable.

    `odd_names` are the block names with syntax in them. References not `known` are part of the author's text. Pieces of
    code that run together share `names`, so that a reference is the same variable in all of them.
    """
    found_in = _candidates(source, odd_names, known) if "<" in source or "{{" in source else iter(())
    candidates = tuple(islice(found_in, MOST_REFERENCES + 1))
    shared = Names((source,)) if names is None else names

    def recompile(wanted: Known) -> CodeTemplate:
        return compile_code(
            source,
            language,
            odd_names=odd_names,
            known=wanted,
            is_expression=is_expression,
            names=shared,
        )

    compiled = CodeTemplate(
        source,
        language,
        is_expression,
        source,
        reads_environment=ENVIRONMENT_OBJECT in source,
        reads_context=CONTEXT_OBJECT in source,
        imports=language is Language.JAVASCRIPT and not is_expression and imports(source),
        recompile=recompile,
    )
    if len(candidates) > MOST_REFERENCES:
        reason = f"a piece of code may have at most {MOST_REFERENCES:,} references"
        return msgspec.structs.replace(compiled, undecided=_undecided(source, candidates[-1:], reason))
    for _ in range(_MOST_PARSES if candidates else 0):
        text = _Text(source, candidates, shared, *(_EXPRESSION if is_expression else (b"", b"")))
        try:
            found, error = text.parsed(language)
        except TooComplex:
            reason = "the code around it is too complex to be read"
            return msgspec.structs.replace(compiled, is_parsed=True, undecided=_undecided(source, candidates, reason))
        syntax = {index for index, (_, _, each) in enumerate(found) if each.kind is Kind.SYNTAX}
        if not syntax:
            return text.compiled(compiled, found, error)
        candidates = tuple(each for index, each in enumerate(candidates) if index not in syntax)
    if candidates:
        reason = "what stands before it gives it several meanings"
        return msgspec.structs.replace(compiled, is_parsed=True, undecided=_undecided(source, candidates, reason))
    return compiled


def syntax_error(template: CodeTemplate) -> Location | None:
    """Return where code does not parse, with or without references. Code too complex to parse counts as valid."""
    if template.is_parsed:
        return template.syntax_error
    before, after = _EXPRESSION if template.is_expression else (b"", b"")
    try:
        _, error = _Text(template.source, (), Names(()), before, after).parsed(template.language)
    except TooComplex:
        return None
    return error


@lru_cache(maxsize=64)
def _candidate(odd: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern like `references.MARKER`, but within one line and without quotes.

    No comparison can then swallow a string. The names of blocks in `odd` may have quotes.
    """
    named = rf"(?i:{'|'.join(map(_as_typed, odd))}){_PLAIN}*|" if odd else ""
    return re.compile(rf"<(?P<reference>{named}{_PLAIN}+)>|{_ENVIRONMENT}")


def _as_typed(name: str) -> str:
    """Return a pattern for a normalized name: authors also type capitals and blanks."""
    return r"[^\S\r\n]*".join(map(re.escape, name))


class _Candidate(NamedTuple):
    start: int
    end: int
    part: Part


def _candidates(source: str, odd: tuple[str, ...], known: Known) -> Iterator[_Candidate]:
    position, pattern = 0, _candidate(odd)
    while match := pattern.search(source, position):
        part = part_of(match)
        position = match.end() if part else match.start() + 1
        if isinstance(part, EnvMarker) and not is_environment_name(part.name):
            continue
        if part is not None and known(part):
            yield _Candidate(match.start(), match.end(), part)


class _Text:
    """A source with placeholders for its candidates, as UTF-8."""

    def __init__(
        self,
        source: str,
        candidates: tuple[_Candidate, ...],
        names: Names,
        before: bytes,
        after: bytes,
    ) -> None:
        self._source, self._candidates = source, candidates
        self._before, self._after = before, after
        self._placeholders: list[Placeholder] = []
        pieces, size, literal_from = [before], len(before), 0
        for start, end, part in candidates:
            name = names.name(key_of(part))
            left = " " if start and _WORD.match(source[start - 1]) else ""
            right = " " if _WORD.match(source[end : end + 1]) else ""
            piece = _encode(source[literal_from:start])
            text = f"{left}{identifier(name)}{right}".encode()
            offset = size + len(piece)
            self._placeholders.append(
                Placeholder(offset, offset + len(text), name, part.raw, isinstance(part, EnvMarker))
            )
            pieces += (piece, text)
            size, literal_from = offset + len(text), end
        pieces += (_encode(source[literal_from:]), after)
        self._bytes = b"".join(pieces)

    def parsed(self, language: Language) -> tuple[list[ClassifiedReference], Location | None]:
        """Return the classification of each candidate, and the first syntax error. Raises TooComplex."""
        tree = parse(self._bytes, language)
        around = syntax_nodes(tree, ((placeholder.start, placeholder.end) for placeholder in self._placeholders))
        found = [
            ClassifiedReference(placeholder, syntax, classify(self._bytes, placeholder, syntax, language))
            for placeholder, syntax in zip(self._placeholders, around, strict=True)
        ]
        error = first_error(tree)
        return found, None if error is None else self._location(error)

    def compiled(
        self, template: CodeTemplate, found: list[ClassifiedReference], error: Location | None
    ) -> CodeTemplate:
        """Return the program for the found references."""
        marks: list[CodeMark] = []
        variables: dict[str, Variable] = {}
        raw: list[Edit] = []
        undecidable: list[_Candidate] = []
        for (start, end, part), (placeholder, _, (kind, use)) in zip(self._candidates, found, strict=True):
            if kind is Kind.REFERENCE:
                name = identifier(placeholder.name, use)
                marks.append(CodeMark(start, end, part, name))
                first = variables.get(name)
                variables[name] = first._replace(times=first.times + 1) if first else Variable(name, part, use, 1)
            else:
                raw.append(Edit(placeholder.start, placeholder.end, part.raw))
                if kind is Kind.UNDECIDED:
                    undecidable.append(_Candidate(start, end, part))
        changes = sorted((*edits(self._bytes, found, template.language), *raw), key=lambda edit: edit[:2])
        return msgspec.structs.replace(
            template,
            program=self._apply_edits(changes),
            is_parsed=True,
            marks=tuple(marks),
            variables=tuple(variables.values()),
            syntax_error=error,
            undecided=_undecided(
                self._source, undecidable, "a pattern compares with literals and names, not with values"
            ),
        )

    def _apply_edits(self, changes: list[Edit]) -> str:
        pieces: list[bytes] = []
        position = len(self._before)
        for start, end, text in changes:
            pieces += (self._bytes[position:start], _encode(text))
            position = end
        pieces.append(self._bytes[position : len(self._bytes) - len(self._after)])
        return b"".join(pieces).decode(errors="surrogatepass")

    def _location(self, offset: int) -> Location:
        shift = len(self._before)
        for placeholder, candidate in zip(self._placeholders, self._candidates, strict=True):
            if placeholder.end > offset:
                offset = min(offset, placeholder.start)
                break
            shift += placeholder.end - placeholder.start - len(_encode(candidate.part.raw))
        text = _encode(self._source)[: max(offset - shift, 0)].decode(errors="ignore")
        return location_of(self._source, len(text))


def _undecided(source: str, candidates: Sequence[_Candidate], reason: str) -> tuple[Undecided, ...]:
    """Return the first of these candidates, with their positions."""
    first = candidates[:_MOST_UNDECIDED]
    return tuple(Undecided(part.raw, location_of(source, start), reason) for start, _, part in first)


def location_of(source: str, position: int) -> Location:
    """Return the line and column of a position in a text."""
    return Location(source.count("\n", 0, position) + 1, position - source.rfind("\n", 0, position))


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
