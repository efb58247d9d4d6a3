"""Loops with a condition that nothing inside them changes."""

import re
from collections.abc import Callable, Iterable, Iterator, Set
from functools import cache
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.catalog import Catalog
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import object_of, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Reference, normalize_name, parse_text
from shared.workflow.format.start import api_starts
from shared.workflow.validate.run_order import RunOrder
from shared.workflow.validate.settings.literals import setting_warning

_CONDITIONS: Final = {"while": "whileCondition", "doWhile": "doWhileCondition"}
_STRINGS: Final = re.compile(r"\"[^\"\\\n]*\"|'[^'\\\n]*'")
_NAMES: Final = re.compile(r"(?<![\w.$])(?!(?:true|false|null|undefined|Number|String)\b)[A-Za-z_$]")
"""Names whose values may differ from one iteration to the next."""


def endless_loops(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each loop whose condition reads only inputs, and variables that no block may change."""
    inputs = {normalize_name(start.name) for start in api_starts(state)}
    order = cache(lambda: RunOrder(state, catalog))
    for block in state.blocks.values():
        loop = state.loops.get(block.id)
        key = _CONDITIONS.get(loop.loop_type) if loop else None
        if key is None or not state.is_enabled(block.id):
            continue
        parts = parse_text(to_string(block.data.get(key) or "")).parts
        read = [part for part in parts if isinstance(part, Reference) and part.path]
        text = _STRINGS.sub("", "".join(part if isinstance(part, str) else "0" for part in parts))
        is_known = len(read) == sum(not isinstance(part, str) for part in parts)
        if not read or not is_known or _NAMES.search(text) or any(r.name not in {"variable", *inputs} for r in read):
            continue
        names = _aliases(state, [each for each in read if each.name == "variable"])
        if not _may_change(state, order, block, names):
            what = " and ".join(dict.fromkeys(each.raw for each in read))
            message = f"nothing inside changes {what}, so the condition stays as it is"
            yield setting_warning(block, key, f"{message}. Assign a variable in a variables block inside")


def _may_change(state: WorkflowState, order: Callable[[], RunOrder], loop: Block, names: Set[str]) -> bool:
    """Return whether a block may assign a variable, or end the run, before the loop ends."""
    for block in state.blocks.values():
        is_inside = loop.id in state.containers_of(block.id)
        if is_inside and block.type == "response":
            return True
        if block.type != "variables" or names.isdisjoint(assigned_variables(block)):
            continue
        if is_inside or state.containers_of(loop.id):
            return True
        if order().why_not(block.id, loop.id):  # it may run at the same time
            return True
    return False


def _aliases(state: WorkflowState, read: Iterable[Reference]) -> set[str]:
    """Return the ids and normalized names of the variables that are read."""
    names = {normalize_name(to_string(each.path[0])) for each in read}
    known = ({normalize_name(each.id), normalize_name(each.name)} for each in state.variables.values())
    return names.union(*(each for each in known if each & names))


def assigned_variables(block: Block) -> set[str]:
    """Return the normalized ids and names that a block assigns."""
    entries = map(object_of, parse_list(block.value("variables")))
    keys = (to_string(entry.get(key) or "") for entry in entries for key in ("variableId", "variableName"))
    return {normalize_name(key) for key in keys}
