"""Code with its references filled in: values become variables, and never source text."""

from collections.abc import Mapping
from typing import Final

import msgspec

from executor_service.engine.secrets import SHORTEST_SECRET
from executor_service.engine.sources import AsTyped, Resolver, as_literal
from shared.workflow.code_lexing import Language, Place
from shared.workflow.code_references import CodeMark, CodeTemplate
from shared.workflow.compile import ENVIRONMENT_OBJECT
from shared.workflow.jsvalues import Json, Missing, stringify
from shared.workflow.references import EnvMarker, Reference

_IDENTIFIER: Final = "__flowport_{}__"
"""It ends as it begins: in a class, Python gives other names that begin so the name of the class, too."""
_READABLE: Final = 1024 * 1024
_TRIED: Final = 16 * _READABLE
"""Characters of values that are written out to see whether anybody could read them."""
_ENVIRONMENT: Final = "{{"
_BOOLEANS: Final[Mapping[str, Json]] = {"true": True, "false": False}
_INLINE_ROOTS: Final = frozenset({"loop", "parallel"})


class BoundCode(msgspec.Struct, frozen=True):
    """Source that can run: each of its identifiers has a value in `bindings`."""

    source: str
    bindings: Mapping[str, Json]
    marks: Mapping[str, str]
    """Identifier to the reference as its author typed it."""
    secrets: Mapping[str, str] = {}
    """Environment value, as it stands within a string of the source, to the marker as typed; the longest first."""

    def as_written(self, text: str) -> str:
        """A message about the source, with the author's references in place of our identifiers and of secrets."""
        for ours, raw in (*self.marks.items(), *self.secrets.items()):
            text = text.replace(ours, raw)
        return text

    def filled_in(self) -> str:
        """The source as people read it: values in place of references, but for those to the environment.

        A value that would make it longer than anybody reads stays a reference, and so does what follows many of those.
        """
        text, left = self.source, _TRIED
        for name, raw in self.marks.items():
            value = raw if raw.startswith(_ENVIRONMENT) or left <= 0 else stringify(self.bindings[name])
            left -= len(value)
            is_short = len(text) + text.count(name) * len(value) <= _READABLE
            text = text.replace(name, value if is_short else raw)
        return self.as_written(text)


def bind(
    template: CodeTemplate, resolver: Resolver, *, literal_environment: bool = False, literal_booleans: bool = False
) -> BoundCode:
    """Fill in one piece of code, see Binder."""
    binder = Binder(resolver, literal_environment=literal_environment, literal_booleans=literal_booleans)
    return binder.bind(template)


class Binder:
    """Fills in pieces of code that run side by side: what several references give, however spelled, is one variable.

    With `literal_environment`, as expressions are read, an environment value that is a number, a boolean or null counts
    as one, not as text, and the object that holds them all is a variable, too: a script is given it by the sandbox;
    with `literal_booleans`, so does text of a block or variable that says no more than true or false.
    """

    def __init__(
        self, resolver: Resolver, *, literal_environment: bool = False, literal_booleans: bool = False
    ) -> None:
        self._resolver = resolver
        self._literal_environment = literal_environment
        self._literal_booleans = literal_booleans
        self._names: dict[tuple[object, ...], str] = {}

    def bind(self, template: CodeTemplate) -> BoundCode:
        """Fill in one piece. Raises BadReference."""
        piece = _Piece(template.language)
        source = template.render(lambda mark: self._replacement(mark, piece))
        if self._literal_environment and ENVIRONMENT_OBJECT in source:
            piece.bindings[ENVIRONMENT_OBJECT] = dict(self._resolver.environment)
        longest_first = sorted(piece.secrets.items(), key=lambda secret: len(secret[0]), reverse=True)
        return BoundCode(source, piece.bindings, piece.marks, dict(longest_first))

    def _replacement(self, mark: CodeMark, piece: "_Piece") -> str:
        if mark.place is Place.COMMENT:
            return mark.raw
        if isinstance(mark.part, EnvMarker):
            return self._environment(mark, mark.part, piece)
        return self._reference(mark, mark.part, piece)

    def _environment(self, mark: CodeMark, part: EnvMarker, piece: "_Piece") -> str:
        value = self._resolver.environment_value(part.name)
        if value is None:
            return mark.raw
        if mark.place is not Place.CODE:
            spliced = self._resolver.counted(mark.spliced(value))
            if len(value) >= SHORTEST_SECRET:
                piece.secrets[spliced] = mark.raw
            return spliced
        return self._name((mark.raw,), mark, as_literal(value) if self._literal_environment else value, piece)

    def _reference(self, mark: CodeMark, part: Reference, piece: "_Piece") -> str:
        found = self._resolver.find(part)
        if isinstance(found, AsTyped):
            return mark.raw
        value = None if isinstance(found, Missing) else found
        if self._literal_booleans and isinstance(value, str):
            value = _BOOLEANS.get(value.strip().lower(), value)
        if mark.place is Place.CODE:
            if piece.may_inline(part, value):
                return stringify(value)
            return self._name((part.name, part.path), mark, value, piece)
        text = value if mark.place is Place.REGEX and isinstance(value, str) else stringify(value)
        return self._resolver.counted(mark.spliced(text))

    def _name(self, key: tuple[object, ...], mark: CodeMark, value: Json, piece: "_Piece") -> str:
        name = self._names.setdefault(key, _IDENTIFIER.format(len(self._names)))
        piece.bindings[name] = value
        piece.marks.setdefault(name, mark.raw)
        return name


class _Piece:
    """What one piece of code needs, as it is found."""

    def __init__(self, language: Language) -> None:
        self.bindings: dict[str, Json] = {}
        self.marks: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self._language = language

    def may_inline(self, part: Reference, value: Json) -> bool:
        """Positions in loops read better in messages than names do; only what cannot change the syntax."""
        return self._language is Language.JAVASCRIPT and part.name in _INLINE_ROOTS and isinstance(value, int)
