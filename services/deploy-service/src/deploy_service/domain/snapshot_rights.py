"""Read access of a snapshot's runs, derived from the snapshot."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Self

from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, object_of

_WORKFLOW_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class SnapshotRights:
    """Environment values by name and workflows by id, each None if only the run determines them."""

    names: frozenset[str] | None
    workflow_ids: frozenset[str] | None

    @classmethod
    def of(cls, workflow: CompiledWorkflow) -> Self:
        """Return the rights of a workflow's runs."""
        called = set(_called_workflows(workflow.blocks.values()))
        return cls(
            names=None if workflow.reads_whole_environment else workflow.environment_names,
            workflow_ids=None if None in called else frozenset(each for each in called if each is not None),
        )

    def readable(self, requested: Collection[str] | None) -> Collection[str] | None:
        """Return the requested names that a run may read. None means all values of the workspace."""
        if self.names is None or requested is None:
            return requested if requested is not None else self.names
        return self.names.intersection(requested)

    def may_call(self, workflow_id: str) -> bool:
        """Return whether a run may call this workflow."""
        return self.workflow_ids is None or workflow_id in self.workflow_ids


def _called_workflows(blocks: Collection[CompiledBlock]) -> Iterator[str | None]:
    """Yield the ids of called workflows; None for a call whose workflow a reference or a model chooses."""
    for block in blocks:
        if block.type in CALLS_A_WORKFLOW:
            yield _fixed_id(block.literal("workflowId"))
        for tool in parse_list(block.block.value("tools")) if block.type == "agent" else ():
            entry = object_of(tool)
            if entry.get("type") in CALLS_A_WORKFLOW:
                yield _fixed_id(object_of(entry.get("params")).get("workflowId"))


def _fixed_id(value: Json) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if _WORKFLOW_ID.fullmatch(text) else None
