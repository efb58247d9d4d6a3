"""Inputs and outputs of a workflow for its callers."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from shared.workflow.catalog import Catalog
from shared.workflow.compile.selectors import selector_beginnings
from shared.workflow.format.input_format import InputField
from shared.workflow.format.js_values import MISSING, Json, JsonObject
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.start import coerce, input_fields

_FILE: Final = base64.b64encode(b"Hello from a file.").decode()
_EXAMPLES: Final[Mapping[str, Json]] = {
    "string": "example",
    "number": 42,
    "boolean": True,
    "object": {"key": "value"},
    "array": [1, 2, 3],
    "file[]": [{"type": "file", "name": "hello.txt", "mime": "text/plain", "data": f"data:text/plain;base64,{_FILE}"}],
}


class BlockOutputs(msgspec.Struct, frozen=True):
    """Block with selectable outputs."""

    block_id: str
    block_name: str
    block_type: str
    selector: str
    """Prefix of its output selectors: `agent_1`, or the block's id without a unique name."""
    fields: Outputs


class Interface(msgspec.Struct, frozen=True):
    """Fields of the start block, and selectable outputs of the blocks that run."""

    fields: tuple[InputField, ...]
    outputs: tuple[BlockOutputs, ...]

    def example_input(self) -> JsonObject:
        """Return an example body."""
        if not self.fields:
            return {"input": "your data here"}
        return {field.name: example_of(field) for field in self.fields}

    def default_selection(self) -> tuple[str, ...]:
        """Return the output that most callers want streamed: the first agent's text, if any."""
        agents = (block for block in self.outputs if block.block_type == "agent")
        return tuple(f"{block.selector}.content" for block in agents)[:1]


def example_of(field: InputField) -> Json:
    """Return the field's default, otherwise a value of its type."""
    default = None if field.value == "" else coerce(field.value, field.type)
    return _EXAMPLES.get(field.type, "example") if default in (None, MISSING) else default


def read_interface(state: WorkflowState, catalog: Catalog) -> Interface:
    """Return the interface of the workflow."""
    return Interface(input_fields(state), tuple(_outputs(state, catalog)))


def _outputs(state: WorkflowState, catalog: Catalog) -> Iterator[BlockOutputs]:
    beginnings = selector_beginnings(state)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_trigger or spec.is_container or not block.enabled:
            continue
        outputs = spec.declared_outputs(block)
        yield BlockOutputs(block.id, block.name, block.type, beginnings[block.id], outputs)
