"""Values that are a reference without angle brackets, or without its block. They stay texts."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.triggers import START
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import is_declared
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, normalize_name, parse_text, texts
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.references.unknown_references import block_references
from shared.workflow.validate.settings.input_fields import input_references

_SETTINGS: Final = frozenset(
    {"arguments", "body", "builderData", "content", "context", "data", "headers", "input", "inputMapping", "messages"}
    | {"params"}
)
"""Settings whose values may be any text."""
_VALUES: Final = frozenset({"arguments", "body", "builderData", "data", "inputMapping", "params"})
_BARE: Final = r"[a-z]\w{0,63}(?:\.\w{1,63}|\[[0-9]{1,4}\]){1,8}"
_WHOLE: Final = re.compile(rf"\s*(?P<text>{_BARE})\s*")
_IN_JSON: Final = re.compile(rf'"(?P<text>{_BARE})"\s*(?=[,\]}}])')
_NAME: Final = re.compile(r"\s*<(?P<name>/?\w{1,63})>\s*")
_NAME_IN_JSON: Final = re.compile(r"[:\[,]\s*\"?<(?P<name>/?\w{1,63})>(?=\"?\s*[,}\]])")
"""Name of an input or a variable that is a value, or a tag."""
_LEAST_PATH: Final = 2


def bare_references(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each value that names an output of a block, and that can hardly be another text.

    Names of events and translations have two words, too: `order.status` is one only if it names an input, or the answer
    of an agent that has no tools and that nothing reads.
    """
    references = [reference for _, _, reference in block_references(state, catalog)]
    read = {reference.name for reference in references}
    named = _named_values(state)
    unread = _unread_values(state, named, references)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_trigger or not state.is_enabled(block.id):
            continue
        for setting in effective_settings(block, spec):
            values = _values(block.value(setting.id)) if setting.id in _SETTINGS else ()
            for text in dict.fromkeys(values):
                if _is_reference(text, state, catalog, read):
                    cause = f'{block.name}: {setting.id}: "{text}" has no angle brackets and stays as typed.'
                    message, meant = f"{cause}{did_you_mean(f'<{text}>')}", f"<{text}>"
                    yield warning(ProblemCode.UNKNOWN_REFERENCE, message, block, (setting.id,), suggestion=meant)
            names = [*_names(block.value(setting.id))] if setting.id in _VALUES else []
            for name in names if named.keys() >= {*names} else ():  # beside others, it may be a tag
                if reference := unread.get(name):
                    message = f"{block.name}: {setting.id}: <{name}> stays as typed.{did_you_mean(reference)}"
                    yield warning(ProblemCode.UNKNOWN_REFERENCE, message, block, (setting.id,), suggestion=reference)


def _named_values(state: WorkflowState) -> dict[str, str]:
    """Return the references to all inputs and variables, by name."""
    variables = {each.name: f"<variable.{each.name}>" for each in state.variables.values()}
    return variables | input_references(state)


def _unread_values(state: WorkflowState, named: Mapping[str, str], references: Iterable[Reference]) -> dict[str, str]:
    """Return the references to those inputs and variables that nothing reads, by name: others may be meant as texts."""
    read = {(each.name, normalize_name(to_string(each.path[0]))) for each in references}
    unread: dict[str, str] = {}
    for name, meant in named.items():
        root = meant[1:-1].partition(".")[0]
        reads = {(root, normalize_name(name)), (root, "input")}  # the latter is all of the input
        if name not in state.ids_by_name and read.isdisjoint(reads):
            unread[name] = meant
    return unread


def _names(value: Json) -> Iterator[str]:
    """Yield the names in angle brackets that are whole values."""
    for text in texts(value):
        if match := _NAME.fullmatch(text):
            yield match["name"]
        elif text.lstrip().startswith(("{", "[")):
            yield from dict.fromkeys(match["name"] for match in _NAME_IN_JSON.finditer(text))


def _values(value: Json) -> Iterator[str]:
    """Yield the texts that have the form of a reference: whole values, or values of JSON text."""
    for text in texts(value):
        if match := _WHOLE.fullmatch(text):
            yield match["text"]
        elif text.lstrip().startswith(("{", "[")):
            yield from (match["text"] for match in _IN_JSON.finditer(text))


def _is_reference(text: str, state: WorkflowState, catalog: Catalog, read: Container[str]) -> bool:
    reference = parse_text(f"<{text}>").sole_reference
    target = state.block_named(reference.name) if reference else None
    spec = catalog.spec(target.type) if target else None
    if reference is None or target is None or spec is None or target.trigger_mode or spec.is_container:
        return False
    is_certain = len(reference.path) >= _LEAST_PATH or " " in target.name.strip() or target.type == START.type
    is_unused = target.type == "agent" and not parse_list(target.value("tools")) and reference.name not in read
    return (is_certain or is_unused) and is_declared(spec.declared_outputs(target), reference.path)
