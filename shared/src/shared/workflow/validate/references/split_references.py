"""References that end before the field that they mean: `<block.result>.total` in a text."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.compile.parameters import block_params
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import Reference, parse_text, texts
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.references.function_results import returns_of
from shared.workflow.validate.settings.input_fields import declared_types

_FIELD: Final = re.compile(r"\.(?P<name>[A-Za-z_]\w{0,100})(?:\.\w{1,100}){0,10}")
_ENTRY: Final = re.compile(r"(?:\[\d{1,4}\])+\.[a-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}|\[\d{1,4}\])*")
_BEFORE: Final = re.compile(r"(?:^|(?<!\breturn)(?<=[\w.])\s|:\s?\"?)$")
"""End of a text before a reference that is not in code, unlike `return <start.orders>[0].id`."""
_NEAR: Final = 40
_CODE: Final = frozenset({"code", "conditions", "tools"})
"""Settings in which code reads a field after a reference."""


def split_references(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each known field after a reference in a text, where it stays as typed."""
    types = declared_types(state)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_container or block.type == "note" or not state.is_enabled(block.id):
            continue
        for field, value in block_params(block, spec).items():
            parts = (parse_text(text).parts for text in texts(value) if field not in _CODE)
            for before, reference, after in (
                each for all_of in parts for each in zip(("", *all_of), all_of, all_of[1:], strict=False)
            ):
                if isinstance(reference, Reference) and isinstance(after, str) and (entry := _ENTRY.match(after)):
                    is_prose = isinstance(before, str) and _BEFORE.search(before[-_NEAR:])
                    if is_prose and types.get((reference.name, reference.path_text)) == "array":
                        yield _outside(block, field, reference, entry[0])
                    continue
                match = _FIELD.match(after) if isinstance(after, str) else None
                target = state.block_named(reference.name) if match and isinstance(reference, Reference) else None
                if match is None or target is None or not isinstance(reference, Reference):
                    continue
                if match["name"] in _fields(target, reference, catalog):
                    yield _outside(block, field, reference, match[0])


def _outside(block: Block, field: str, reference: Reference, path: str) -> Problem:
    suggestion = f"{reference.raw[:-1]}{path}>"
    what = "list" if path.startswith("[") else "object"
    text = f"{reference.raw} is a whole {what} here, and {path} stays as typed"
    message = f"{block.name}: {text}.{did_you_mean(suggestion)}"
    return warning(ProblemCode.INVALID_SETTING, message, block, (field,), suggestion=suggestion)


def _fields(target: Block, reference: Reference, catalog: Catalog) -> frozenset[str]:
    spec = catalog.spec(target.type)
    if not reference.path:
        return frozenset(spec.declared_outputs(target) if spec else ())
    fields = returns_of(target, reference).fields if len(reference.path) == 1 else None
    return frozenset(fields or ())
