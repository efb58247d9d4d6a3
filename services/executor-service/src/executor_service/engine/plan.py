"""Checks and preparation before the first block runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from executor_service.engine.errors import RunRefused
from executor_service.engine.limits import Limits
from executor_service.engine.positions import visible_block_id
from executor_service.engine.request import RunFrom, RunRequest
from executor_service.engine.state import Output
from shared.contracts.jobs import REDACTED
from shared.contracts.runs import Trigger
from shared.errors import InvalidRequest
from shared.ids import public_run_id
from shared.workflow.catalog.logic import VARIABLES
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.graph import Graph
from shared.workflow.compile.wiring import not_connected
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.references import texts
from shared.workflow.format.start import NO_START_BLOCK, start_output


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a run: the graph, the start's output, and existing outputs and variables."""

    graph: Graph
    start_output: Output
    outputs: Mapping[str, Output] = field(default_factory=dict)
    assigned: JsonObject = field(default_factory=dict)


def plan_run(workflow: CompiledWorkflow, request: RunRequest, environment: Mapping[str, str], limits: Limits) -> Plan:
    """Return the plan of a run. Raises RunRefused."""
    for problem in workflow.problems(request.keyed_providers):
        raise RunRefused(problem)
    if request.run_from is not None:
        return _partial_plan(workflow, request, request.run_from, environment, limits)
    start = (
        request.spec.start_block_id
        or workflow.starts.get(request.spec.trigger)
        or _any_start(workflow, request.spec.trigger)
    )
    if start is None or start not in workflow.blocks:
        raise RunRefused(NO_START_BLOCK)
    output = _start_output(workflow, start, request, environment)
    return Plan(_check_graph(workflow.graph(start), workflow, limits), output)


def _start_output(
    workflow: CompiledWorkflow, start: str, request: RunRequest, environment: Mapping[str, str]
) -> Output:
    metadata: JsonObject = {
        "runId": public_run_id(request.run_id),
        "workflowId": request.workflow_id,
        "triggerType": str(request.spec.trigger),
    }
    try:
        block = workflow.blocks[start].block
        return start_output(block, request.input, run_metadata=metadata, environment=environment)
    except InvalidRequest as error:
        raise RunRefused(error.message) from error


def _partial_plan(
    workflow: CompiledWorkflow,
    request: RunRequest,
    run_from: RunFrom,
    environment: Mapping[str, str],
    limits: Limits,
) -> Plan:
    block_id = run_from.block_id
    if block_id not in workflow.blocks:
        raise RunRefused(f"Block not found: {block_id}")
    if workflow.containers_of(block_id):
        raise RunRefused(f"Cannot run from a block inside a loop or parallel: {workflow.blocks[block_id].name}")
    sources = (edge.source for edge in workflow.state.edges if edge.target == block_id)
    missing = [source for source in sources if source not in run_from.outputs and _can_run(workflow, source)]
    if missing and not workflow.blocks[block_id].spec.is_trigger:
        raise RunRefused(f"The block before this one has not run: {workflow.blocks[missing[0]].name}")
    output: Output = {}
    if workflow.blocks[block_id].spec.is_trigger:
        before = None if request.input else run_from.outputs.get(block_id)
        if any(REDACTED in text for text in texts(before)):
            raise RunRefused("The stored input of the earlier run has masked secrets. Send the input again.")
        output = _start_output(workflow, block_id, request, environment) if before is None else before
    graph = _check_graph(workflow.graph(block_id), workflow, limits)
    rerun = {node.block_id for body in (graph.root, *graph.bodies.values()) for node in body.nodes}
    earlier = {visible_block_id(name): output for name, output in run_from.outputs.items()}
    reused = {key: output for key, output in earlier.items() if key not in rerun}
    return Plan(graph, output, reused, _assigned_variables(workflow, reused))


def _assigned_variables(workflow: CompiledWorkflow, outputs: Mapping[str, Output]) -> JsonObject:
    """Return the variables set by Variables blocks, by id: their outputs have them by name."""
    ids = {variable.name: variable.id for variable in reversed(workflow.state.variables.values())}
    setting = {key for key, block in workflow.blocks.items() if block.type == VARIABLES.type}
    items_by_block = (output.items() for key, output in outputs.items() if key in setting)
    return {ids[name]: value for items in items_by_block for name, value in items if name in ids}


def _can_run(workflow: CompiledWorkflow, block_id: str) -> bool:
    return block_id in workflow.blocks and workflow.state.is_enabled(block_id)


def _any_start(workflow: CompiledWorkflow, trigger: Trigger) -> str | None:
    """Return a start block; a called workflow may also start at its first block without incoming edges."""
    if trigger is not Trigger.WORKFLOW:
        return None
    state = workflow.state
    targets = {edge.target for edge in state.edges}
    outermost = (block for block in state.blocks.values() if block.enabled and state.container_of(block.id) is None)
    return next((block.id for block in outermost if block.type != "note" and block.id not in targets), None)


def _check_graph(graph: Graph, workflow: CompiledWorkflow, limits: Limits) -> Graph:
    for container_id, body in graph.bodies.items():
        if body.nodes and not body.entries:
            raise RunRefused(not_connected("Parallel" if container_id in workflow.parallels else "Loop"))
        if len(workflow.containers_of(container_id)) >= limits.nesting:
            raise RunRefused(f"Loops and parallels are nested more than {limits.nesting} deep")
    return graph
