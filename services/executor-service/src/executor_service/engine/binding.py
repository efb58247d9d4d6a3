"""Code with its references filled in: values become variables, and never source text."""

from collections.abc import Mapping
from typing import Final

import msgspec

from executor_service.engine.secrets import SHORTEST_SECRET
from executor_service.engine.sources import AsTyped, Resolver, as_literal
from shared.workflow.code_lexing import Language, Place
from shared.workflow.code_references import CodeMark, CodeTemplate
from shared.workflow.jsvalues import Json, Missing, stringify
from shared.workflow.references import EnvMarker, Reference

_PREFIX: Final = "__flowport"
_READABLE: Final = 1024 * 1024
_ENVIRONMENT: Final = "{{"
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

        A value that would make it longer than anybody reads stays a reference.
        """
        text = self.source
        for name, raw in self.marks.items():
            value = raw if raw.startswith(_ENVIRONMENT) else stringify(self.bindings[name])
            is_short = len(text) + text.count(name) * len(value) <= _READABLE
            text = text.replace(name, value if is_short else raw)
        return self.as_written(text)


def bind(
    template: CodeTemplate, resolver: Resolver, *, literal_environment: bool = False, label: str = ""
) -> BoundCode:
    """Fill in code. Raises BadReference. `label` keeps the names of several pieces of code apart.

    With `literal_environment`, an environment value that is a number, a boolean or null counts as one, not as text.
    """
    return _Binder(template.language, resolver, literal_environment, f"{_PREFIX}{label}_").bind(template)


class _Binder:
    def __init__(self, language: Language, resolver: Resolver, literal_environment: bool, prefix: str) -> None:
        self._language = language
        self._resolver = resolver
        self._literal_environment = literal_environment
        self._prefix = prefix
        self._bindings: dict[str, Json] = {}
        self._names: dict[str, str] = {}
        self._secrets: dict[str, str] = {}

    def bind(self, template: CodeTemplate) -> BoundCode:
        source = template.render(self._replacement)
        marks = {name: raw for raw, name in self._names.items()}
        longest_first = sorted(self._secrets.items(), key=lambda secret: len(secret[0]), reverse=True)
        return BoundCode(source, self._bindings, marks, dict(longest_first))

    def _replacement(self, mark: CodeMark) -> str:
        if mark.place is Place.COMMENT:
            return mark.raw
        return (
            self._environment(mark, mark.part) if isinstance(mark.part, EnvMarker) else self._reference(mark, mark.part)
        )

    def _environment(self, mark: CodeMark, part: EnvMarker) -> str:
        value = self._resolver.environment_value(part.name)
        if value is None:
            return mark.raw
        if mark.place is not Place.CODE:
            spliced = self._resolver.counted(mark.spliced(value))
            if len(value) >= SHORTEST_SECRET:
                self._secrets[spliced] = mark.raw
            return spliced
        return self._name(mark.raw, as_literal(value) if self._literal_environment else value)

    def _reference(self, mark: CodeMark, part: Reference) -> str:
        found = self._resolver.find(part)
        if isinstance(found, AsTyped):
            return mark.raw
        value = None if isinstance(found, Missing) else found
        if mark.place is Place.CODE:
            return stringify(value) if self._may_inline(part, value) else self._name(mark.raw, value)
        text = value if mark.place is Place.REGEX and isinstance(value, str) else stringify(value)
        return self._resolver.counted(mark.spliced(text))

    def _may_inline(self, part: Reference, value: Json) -> bool:
        """Positions in loops read better in messages than names do; only what cannot change the syntax."""
        return self._language is Language.JAVASCRIPT and part.name in _INLINE_ROOTS and isinstance(value, int)

    def _name(self, raw: str, value: Json) -> str:
        name = self._names.setdefault(raw, f"{self._prefix}{len(self._names)}_")
        self._bindings[name] = value
        return name
