"""Code with values for its variables. The program is constant: no value becomes source text."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from executor_service.engine.errors import BadReference
from executor_service.engine.resolver import Found, Resolver, Unresolved, as_literal
from shared.compile_slots import CompileSlots
from shared.workflow.compile.code_parser import Language, imports
from shared.workflow.compile.code_references import ENVIRONMENT_OBJECT, CodeTemplate, Key, Part, Variable, key_of
from shared.workflow.compile.code_rewriter import VARIABLE, Use
from shared.workflow.format.js_values import Json, Missing, stringify
from shared.workflow.format.references import EnvMarker

_MAX_LOGGED_CHARS: Final = 1024 * 1024
_MAX_VALUE_CHARS: Final = 16 * _MAX_LOGGED_CHARS
"""Limit for characters of values in a log."""
_BOOLEANS: Final[Mapping[str, Json]] = {"true": True, "false": False}
_WITHOUT_QUOTES: Final = frozenset({Use.PATTERN, Use.COUNT, Use.PLAIN})
_LARGE: Final = 4096
"""Characters of code that take milliseconds to compile."""
_compiling: Final[dict[tuple[int, frozenset[Key]], asyncio.Task[CodeTemplate]]] = {}
compile_slots: Final = CompileSlots()
"""Slots of workspaces for compiling workflows and code variants."""
_POSITION_REFERENCES: Final = frozenset({"loop", "parallel"})


class BoundCode(msgspec.Struct, frozen=True):
    """A runnable program: `bindings` has a value for each of its variables."""

    template: CodeTemplate
    bindings: Mapping[str, Json]

    @property
    def program(self) -> str:
        """Return the program to run."""
        return self.template.program

    @property
    def shown(self) -> str:
        """Return the author's source for messages, with the same lines as `program`.

        Positions in loops are filled in.
        """
        if not any(self._is_position(name, part) for name, part, *_ in self.template.variables):
            return self.template.source
        texts = {name: self._source_text(name, part) for name, part, *_ in self.template.variables}
        return _render(self.template, texts)

    def restore_references(self, text: str) -> str:
        """Return a message about the program with the author's references in place of its variables."""
        if VARIABLE.search(text) is None:
            return text
        parts = {variable.name: variable.part for variable in self.template.variables}

        def restore(match: re.Match[str]) -> str:
            part = parts.get(match[0])
            return match[0] if part is None else self._source_text(match[0], part)

        return VARIABLE.sub(restore, text)

    def render_for_log(self) -> str:
        """Return the source for a log: values in place of references, except those to the environment.

        A value that would exceed the limit stays a reference, and so do all references after too many large values.
        """
        length, left = len(self.template.source), _MAX_VALUE_CHARS
        texts: dict[str, str] = {}
        for name, part, use, times in self.template.variables:
            texts[name] = part.raw
            if isinstance(part, EnvMarker) or left <= 0:
                continue
            value = self.bindings[name]
            text = value if isinstance(value, str) and use is not Use.VALUE else stringify(value)
            left -= len(text)
            length += times * len(text)
            if length <= _MAX_LOGGED_CHARS:
                texts[name] = text
        return _render(self.template, texts)

    def _source_text(self, name: str, part: Part) -> str:
        return stringify(self.bindings[name]) if self._is_position(name, part) else part.raw

    def _is_position(self, name: str, part: Part) -> bool:
        if isinstance(part, EnvMarker) or self.template.language is not Language.JAVASCRIPT:
            return False
        return part.name in _POSITION_REFERENCES and isinstance(self.bindings[name], int)


def unbound(code: str) -> BoundCode:
    """Return code that a model wrote: without references or access to the environment."""
    return BoundCode(CodeTemplate(code, Language.JAVASCRIPT, program=code, imports=imports(code)), {})


async def compile_variant(template: CodeTemplate, resolver: Resolver, workspace_id: str) -> None:
    """Compile large code in a thread if some of its references stay as typed, for `bind` to find.

    Waits for a slot of the workspace. Raises BadReference.
    """
    if len(template.source) < _LARGE:
        return
    _, typed = _values(template, resolver, literal_booleans=False)
    if not typed or typed in template.variants:
        return
    key = (id(template), typed)
    if (task := _compiling.get(key)) is None:
        task = _compiling[key] = asyncio.create_task(_compile(template, typed, workspace_id))
        task.add_done_callback(lambda _: _compiling.pop(key))
    await asyncio.shield(task)


async def _compile(template: CodeTemplate, typed: frozenset[Key], workspace_id: str) -> CodeTemplate:
    async with compile_slots.hold(workspace_id):
        return await compile_slots.run(partial(template.without, typed))


def bind(
    template: CodeTemplate, resolver: Resolver, *, literal_environment: bool = False, literal_booleans: bool = False
) -> BoundCode:
    """Resolve a program's variables. Raises BadReference.

    With `literal_environment`, for expressions, an environment value that is a number, a boolean or null keeps that
    type, and the object of all values is a variable, too: scripts get it from the sandbox; with `literal_booleans`,
    text of a block or variable that is true or false becomes a boolean, too.
    """
    values, typed = _values(template, resolver, literal_booleans=literal_booleans)
    if typed:
        template = template.without(typed)
        values, _ = _values(template, resolver, literal_booleans=literal_booleans)
    for raw, at, reason in template.undecided:
        raise BadReference(f"{raw} at {at} cannot be resolved: {reason}")
    bindings: dict[str, Json] = {}
    for variable in template.variables:
        is_environment = isinstance(variable.part, EnvMarker)
        value = values[key_of(variable.part)]
        if variable.use is Use.VALUE:
            is_literal = literal_environment and is_environment and isinstance(value, str)
            bindings[variable.name] = as_literal(value) if is_literal and isinstance(value, str) else value
        else:
            bindings[variable.name] = _text(variable, value, resolver, is_environment=is_environment)
    if literal_environment and template.reads_environment:
        bindings[ENVIRONMENT_OBJECT] = dict(resolver.environment)
    return BoundCode(template, bindings)


def _values(
    template: CodeTemplate, resolver: Resolver, *, literal_booleans: bool
) -> tuple[dict[Key, Json], frozenset[Key]]:
    """Return the references' values, and those that stay as typed."""
    values: dict[Key, Json] = {}
    typed: set[Key] = set()
    for variable in template.variables:
        key = key_of(variable.part)
        if key in values:
            continue
        found = _find(variable.part, resolver)
        if isinstance(found, Unresolved):
            typed.add(key)
            continue
        value = None if isinstance(found, Missing) else found
        if literal_booleans and isinstance(value, str) and not isinstance(variable.part, EnvMarker):
            value = _BOOLEANS.get(value.strip().lower(), value)
        values[key] = value
    return values, frozenset(typed)


def _find(part: Part, resolver: Resolver) -> Found:
    if not isinstance(part, EnvMarker):
        return resolver.find(part)
    value = resolver.environment_value(part.name)
    return Unresolved.UNRESOLVED if value is None else value


def _text(variable: Variable, value: Json, resolver: Resolver, *, is_environment: bool) -> Json:
    is_plain = isinstance(value, str) and (is_environment or variable.use in _WITHOUT_QUOTES)
    text = resolver.count_text(value if is_plain and isinstance(value, str) else stringify(value), variable.times)
    match variable.use:
        case Use.BYTES:
            return list(text.encode(errors="surrogatepass"))
        case Use.COUNT if text.isascii() and text.isdigit():
            return text
        case Use.COUNT | Use.PATTERN:
            return _pattern(text)
        case _:
            return text


def _pattern(text: str) -> str:
    """Return a regular expression that matches a text, in a class and with any flags, and continues no escape."""
    units = text.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _render(template: CodeTemplate, texts: Mapping[str, str]) -> str:
    parts: list[str] = []
    position = 0
    for mark in template.marks:
        parts += (template.source[position : mark.start], texts[mark.name])
        position = mark.end
    return "".join((*parts, template.source[position:]))
