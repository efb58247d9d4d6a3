"""Workflows that may pause for a person or for days, and agents that use them as tools, where a pause has no answer."""

from collections.abc import Iterator
from typing import Final, Self

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog.calls import WORKFLOW, WORKFLOW_INPUT
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.compile.parameters import block_params
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, is_enabled, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import error

_CALLING: Final = {spec.type: spec for spec in (WORKFLOW, WORKFLOW_INPUT)}


class PauseInfo(msgspec.Struct, frozen=True):
    """Whether a workflow has pausing blocks, and which workflows it calls."""

    may_pause: bool = False
    called: frozenset[str] = frozenset()

    @classmethod
    def of(cls, state: WorkflowState) -> Self:
        return cls(may_pause(state), frozenset(called_workflows(state)))


NO_PAUSES: Final = PauseInfo()


def may_pause(state: WorkflowState) -> bool:
    """Return whether one of its blocks pauses the run."""
    return any(_pauses(block) for block in state.blocks.values() if state.is_enabled(block.id))


def may_be_suspended(state: WorkflowState) -> bool:
    """Return whether its run may pause, in its own blocks or in a called workflow."""
    return may_pause(state) or next(called_workflows(state), None) is not None


def called_workflows(state: WorkflowState) -> Iterator[str]:
    """Yield the workflows that its blocks call by id."""
    for block in state.blocks.values():
        spec = _CALLING.get(block.type)
        if spec is not None and state.is_enabled(block.id):
            yield from _named(block_params(block, spec).get("workflowId"))


def workflow_tools(state: WorkflowState) -> Iterator[tuple[Block, str, str]]:
    """Yield the agents with a workflow as a tool, with the tool's title and the workflow that its author named."""
    for block in state.blocks.values():
        if block.type == "agent" and state.is_enabled(block.id):
            for tool in parse_list(block.value("tools")):
                if isinstance(tool, dict) and _calls_a_workflow(tool):
                    for workflow_id in _named(_parameter(tool.get("params"))):
                        yield block, to_string(tool.get("title") or "workflow"), workflow_id


def pausing_tool_problem(agent: Block, title: str) -> Problem:
    """Return the problem of a tool whose workflow may pause."""
    message = (
        f'{agent.name}, tool "{title}": the workflow may pause for a person or for days, '
        "but a tool cannot pause. Call it in a Workflow block instead."
    )
    return error(ProblemCode.UNSUPPORTED_SETTING, message, agent, ("tools",))


def _pauses(block: Block) -> bool:
    return block.type == "human_in_the_loop" or (block.type == "wait" and is_enabled(block.value("async")))


def _calls_a_workflow(tool: JsonObject) -> bool:
    return tool.get("type") in CALLS_A_WORKFLOW and tool.get("usageControl") != "none"


def _parameter(params: Json) -> Json:
    return params.get("workflowId") if isinstance(params, dict) else None


def _named(workflow_id: Json) -> Iterator[str]:
    if isinstance(workflow_id, str) and workflow_id.strip():
        yield workflow_id.strip()
