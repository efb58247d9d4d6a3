"""Values of references at one position of a run: block outputs, loops and parallels, variables, environment."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from executor_service.engine.errors import BadReference, SecretMasked, TextTooLong, UnknownVariable
from executor_service.engine.positions import ScopePositions
from executor_service.engine.state import Output, RunState, Scope
from shared.contracts.jobs import REDACTED
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.templates import JsonTextTemplate, ListTemplate, Literal, ObjectTemplate, Template
from shared.workflow.format.js_values import MISSING, Json, Missing, parse_json, stringify, to_string
from shared.workflow.format.paths import UndeclaredField, fields_error, look_up, value_at
from shared.workflow.format.references import EnvMarker, Path, Reference, TextTemplate, normalize_name, texts
from shared.workflow.format.variables import values_from


class Unresolved(Enum):
    """Not a reference: the text stays as typed."""

    UNRESOLVED = "as typed"


UNRESOLVED: Final = Unresolved.UNRESOLVED
Found = Json | Missing | Unresolved

_LOOP_INDEX: Final = frozenset({"index", "iteration"})
_LOOP_ITEM: Final = frozenset({"currentItem", "item"})
_RESULTS: Final = frozenset({"results", "result"})


class Sources:
    """All values of one run, read live from its state. A resolver fills in at most `limit` characters."""

    def __init__(self, workflow: CompiledWorkflow, state: RunState, environment: Mapping[str, str], limit: int) -> None:
        self.limit = limit
        self._workflow = workflow
        self._state = state
        self.environment = environment
        self._positions = ScopePositions(workflow.state, state)
        self._filled = values_from(environment, workflow.state)
        self.earlier_outputs: Mapping[str, Output] = {}
        """An earlier run's outputs of blocks that do not run again: from its log, without secrets."""

    @property
    def variables(self) -> Mapping[str, Json]:
        """Return all values, by id. Environment values in their texts are never in stored state."""
        restore_references = {key: value for key, value in self._filled.items() if key not in self._state.assigned}
        return {**self._state.variables, **restore_references} if restore_references else self._state.variables

    def at(self, scope: Scope) -> "Resolver":
        """Return the values visible to a block of this scope."""
        return Resolver(self, scope)

    def find(self, reference: Reference, scope: Scope) -> Found:
        """Return the value of a reference. Raises BadReference, UnknownVariable."""
        match reference.name:
            case "loop":
                return self._innermost(reference, scope, is_parallel=False)
            case "parallel":
                return self._innermost(reference, scope, is_parallel=True)
            case "variable":
                return self._variable(reference)
            case name:
                block = self._workflow.state.block_named(name)
                return UNRESOLVED if block is None else self._find_block_value(reference, block.id, scope)

    def _variable(self, reference: Reference) -> Found:
        if not reference.path:
            return UNRESOLVED
        wanted = to_string(reference.path[0])
        variable = self._workflow.state.variables.get(wanted) or self._workflow.variables_by_name.get(
            normalize_name(wanted)
        )
        if variable is None:
            available = ", ".join(v.name for v in self._workflow.state.variables.values()) or "none"
            raise UnknownVariable(f'Variable "{wanted}" doesn\'t exist. Available: {available}')
        return self._require_unmasked(
            reference, value_at(self.variables.get(variable.id), reference.path[1:]), bool(self.earlier_outputs)
        )

    def _find_block_value(self, reference: Reference, block_id: str, scope: Scope) -> Found:
        if self._workflow.state.is_container(block_id):
            enclosing = next((inner for inner in self._positions.scopes(scope) if inner.container == block_id), None)
            if enclosing is not None and not (reference.path and reference.path[0] in _RESULTS):
                return self._find_iteration_value(reference, enclosing, named=reference.root)
        output = self.output_of(block_id, scope)
        path: Path = reference.path
        if self._workflow.state.is_container(block_id):
            if path and path[0] == "result":
                path = ("results", *path[1:])
        elif output is None:
            return MISSING
        try:
            found = look_up(
                MISSING if output is None else output,
                path,
                outputs=self._workflow.outputs_of(block_id),
                block_name=reference.root,
                path_text=reference.path_text,
            )
        except UndeclaredField as error:
            raise BadReference(error.message) from error
        return self._require_unmasked(reference, found, block_id in self.earlier_outputs)

    def _require_unmasked(self, reference: Reference, found: Json | Missing, is_earlier: bool) -> Json | Missing:
        """Raises SecretMasked."""
        if is_earlier and not isinstance(found, Missing) and any(REDACTED in text for text in texts(found)):
            raise SecretMasked(reference.raw)
        return found

    def output_of(self, block_id: str, scope: Scope) -> dict[str, Json] | None:
        """Return a block's latest output visible in this scope: from its own branch, if they share a parallel."""
        enclosing = self._workflow.containers_of(block_id)
        while scope.container is not None and scope.container not in enclosing:
            scope = self._state.scopes[scope.parent or ""]
        return self._state.frames[scope.frame].get(block_id)

    def _innermost(self, reference: Reference, scope: Scope, *, is_parallel: bool) -> Found:
        parallels = self._workflow.state.parallels
        enclosing = next(
            (inner for inner in self._positions.scopes(scope) if (inner.container in parallels) is is_parallel), None
        )
        return (
            UNRESOLVED if enclosing is None else self._find_iteration_value(reference, enclosing, named=reference.root)
        )

    def _find_iteration_value(self, reference: Reference, enclosing: Scope, *, named: str) -> Found:
        is_parallel = enclosing.container in self._workflow.state.parallels
        container = self._state.containers[f"{enclosing.parent or ''}{enclosing.container}"]
        if not reference.path:
            items = container.items
            over = {} if items is None else {"currentItem": items[enclosing.index], "items": items}
            return {"index": enclosing.index, **over}
        key, rest = reference.path[0], reference.path[1:]
        if key == "index" or (key in _LOOP_INDEX and not is_parallel):
            return value_at(enclosing.index, rest)
        if key == "currentItem" or (key in _LOOP_ITEM and not is_parallel):
            return UNRESOLVED if container.items is None else value_at(container.items[enclosing.index], rest)
        if key == "items":
            return UNRESOLVED if container.items is None else value_at(container.items, rest)
        available = ("index",) if container.items is None else ("index", "currentItem", "items")
        raise BadReference(fields_error(reference.path_text, named, available))


class Resolver:
    """Resolves templates with the values visible in one scope."""

    __slots__ = ("_filled_in", "_scope", "_sources")

    def __init__(self, sources: Sources, scope: Scope) -> None:
        self._sources = sources
        self._scope = scope
        self._filled_in = 0

    def find(self, reference: Reference) -> Found:
        """Return the value of a reference. Raises BadReference, UnknownVariable."""
        return self._sources.find(reference, self._scope)

    def output_of(self, block_id: str) -> dict[str, Json] | None:
        """Return the latest output of a block; None if it has not run."""
        return self._sources.output_of(block_id, self._scope)

    @property
    def environment(self) -> Mapping[str, str]:
        """Return all values that the run may read."""
        return self._sources.environment

    def environment_value(self, name: str) -> str | None:
        """Return the value of `{{name}}`, or None."""
        return self._sources.environment.get(name)

    def count_text(self, text: str, times: int = 1) -> str:
        """Count text to be filled in. Raises TextTooLong: a few references can exceed memory."""
        self._filled_in += times * len(text)
        if self._filled_in > self._sources.limit:
            raise TextTooLong(self._sources.limit)
        return text

    def render(self, template: Template) -> Json:
        """Return a setting with its references filled in. Raises BadReference."""
        if isinstance(template, Literal):
            return template.value
        if isinstance(template, TextTemplate):
            return self.text(template)
        if isinstance(template, JsonTextTemplate):
            return self._json_text(template)
        if isinstance(template, ListTemplate):
            return [self.render(item) for item in template.items]
        if isinstance(template, ObjectTemplate):
            return {key: self.render(entry) for key, entry in template.entries}
        raise TypeError(type(template))

    def text(self, template: TextTemplate) -> str:
        """Return text with its references filled in once: inserted text is not resolved again. Raises BadReference."""
        return "".join(part if isinstance(part, str) else self._part(part) for part in template.parts)

    def _part(self, part: Reference | EnvMarker) -> str:
        found = self._value(part)
        return part.raw if isinstance(found, Unresolved) else self.count_text(as_text(found))

    def _json_text(self, template: JsonTextTemplate) -> str:
        parts = zip(template.text.parts, template.within_string, strict=True)
        return "".join(part if isinstance(part, str) else self._json_part(part, within) for part, within in parts)

    def _json_part(self, part: Reference | EnvMarker, within_string: bool) -> str:
        found = self._value(part)
        if isinstance(found, Unresolved):
            found = part.raw
        if within_string:
            return self.count_text(stringify(as_text(found))[1:-1])
        if isinstance(part, EnvMarker) and isinstance(found, str):
            found = as_literal(found)
        return self.count_text(stringify(None if isinstance(found, Missing) else found))

    def _value(self, part: Reference | EnvMarker) -> Found:
        if isinstance(part, EnvMarker):
            value = self.environment_value(part.name)
            return UNRESOLVED if value is None else value
        try:
            return self._sources.find(part, self._scope)
        except UnknownVariable:
            return UNRESOLVED


def as_text(value: Json | Missing) -> str:
    """Return a value for template text: empty if missing, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    return "" if isinstance(value, Missing) else stringify(value)


def as_literal(text: str) -> Json:
    """Return the number, boolean or null in a text; otherwise the text itself."""
    value = parse_json(text)
    return text if isinstance(value, Missing | str | list | dict) else value
