"""Runs another deployed workflow within this run, and returns its result."""

import re
from dataclasses import replace
from typing import Final

from executor_service.blocks.ports import ChildWorkflow, ChildWorkflows
from executor_service.engine import (
    BlockFailure,
    BlockHandler,
    BlockResult,
    Call,
    ChildPin,
    Inputs,
    PausedChild,
    RunResult,
    spans_of,
)
from shared.contracts.payloads import Payload
from shared.contracts.runs import (
    CALL_CHAIN_TOO_DEEP,
    MAX_CALL_DEPTH,
    ErrorCode,
    RunMode,
    RunSpec,
    RunStatus,
    SnapshotRef,
    Trigger,
)
from shared.security.current_ticket import using_ticket
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.format.input_format import InputField, read_input_format
from shared.workflow.format.js_values import Json, JsonObject, parse_json, to_string
from shared.workflow.format.json_problems import json_problem

NOT_DEPLOYED: Final = "Child workflow is not deployed. Please deploy the workflow before invoking it."
_TRANSIENT_STATUS: Final = 503
"""Status passed on to the caller: others concern the child's input."""
_CHAIN: Final = "Workflow chain: "
_ARROW: Final = " → "
_BAR: Final = " | "
_ONE_CHILD: Final = re.compile(r'"(?P<name>[^"]*)" failed: (?P<cause>.*)', re.DOTALL)


class WorkflowHandler(BlockHandler):
    """The child shares the parent's slot, time and environment, with its own variables."""

    def __init__(self, children: ChildWorkflows) -> None:
        self._children = children

    @property
    def recovers(self) -> bool:
        """Return True: the child's own blocks are in the journal."""
        return True

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Run or resume the child. It pauses as a part of this run."""
        workflow_id = call.pinned.workflow_id if call.pinned else _workflow_id(inputs)
        chain = (*call.request.spec.call_chain, call.request.workflow_id)
        if len(chain) > MAX_CALL_DEPTH:
            raise _failure(CALL_CHAIN_TOO_DEEP)
        child = await self._child(call, workflow_id)
        request = replace(
            call.request,
            spec=RunSpec(
                run_id=call.request.run_id,
                snapshot=SnapshotRef(call.request.workspace_id, workflow_id, child.snapshot_id),
                mode=RunMode.SYNC,
                trigger=Trigger.WORKFLOW,
                input=Payload(),
                time_limit_ms=int(call.remaining_seconds() * 1000),
                workflow_name=child.name,
                call_chain=chain,
                user_id=call.request.spec.user_id,
            ),
            input=_child_input(child.compiled, inputs.params),
            run_from=None,
            parent_path=f"{call.execution_path}>",
            pause_prefix=f"{call.context_id}.",
            calling_workflow_id=call.request.run_workflow_id,
        )
        with using_ticket(child.ticket):
            result = await call.run_child(child.compiled, request)
        return _result(workflow_id, child, result)

    async def _child(self, call: Call, workflow_id: str) -> ChildWorkflow:
        """Return the live version, or the one called before the run was interrupted."""
        if call.pinned is not None:
            return await self._children.find_pinned(call.request.workspace_id, call.pinned)
        child = await self._children.find(call.request.workspace_id, workflow_id)
        if child is None:
            raise _failure(f'"{workflow_id}" failed: {NOT_DEPLOYED}')
        await call.pin(ChildPin(workflow_id, child.name, child.snapshot_id))
        return child


def _workflow_id(inputs: Inputs) -> str:
    return to_string(inputs.params.get("workflowId") or "").strip()


def _child_input(child: CompiledWorkflow, params: JsonObject) -> JsonObject:
    """Return the mapping's fields that the child declares; the older form sends its text as `input`."""
    if "inputMapping" not in params and params.get("input") not in (None, ""):
        return {"input": params["input"]}
    values = _mapping(params.get("inputMapping"))
    return {field.name: values[field.name] for field in child_fields(child) if field.name in values}


def child_fields(child: CompiledWorkflow) -> tuple[InputField, ...]:
    """Return the input fields of a called workflow."""
    start = child.starts.get(Trigger.WORKFLOW)
    return read_input_format(child.state.blocks[start].value("inputFormat")) if start is not None else ()


def _mapping(given: Json) -> JsonObject:
    """Return the mapping. Raises BlockFailure if it is no object: the child would silently use its defaults."""
    text = given.strip() if isinstance(given, str) else None
    mapping = given if text is None else parse_json(text) if text else None
    if mapping is None or isinstance(mapping, dict):
        return mapping or {}
    problem = json_problem(text) if text else None
    suffix = f": {problem}" if problem else ""
    raise BlockFailure(f"Input Mapping must be a JSON object{suffix}", http_status=400, can_retry=False)


def _result(workflow_id: str, child: ChildWorkflow, result: RunResult) -> BlockResult:
    spans = spans_of(result.blocks)
    if result.state is not None:
        paused = PausedChild(tuple(result.pauses), result.state)
        return BlockResult({}, child_spans=spans, paused_child=paused)
    problem, error = _problem(child, result), result.outcome.error
    if problem is not None:
        raise BlockFailure(
            problem,
            code=ErrorCode.CHILD_WORKFLOW_FAILED,
            http_status=error.http_status if error is not None and error.http_status == _TRANSIENT_STATUS else None,
            can_retry=False,
            child_spans=spans,
            partial={"success": False, "childWorkflowName": child.name, "childWorkflowId": workflow_id},
        )
    output: JsonObject = {
        "success": True,
        "childWorkflowName": child.name,
        "childWorkflowId": workflow_id,
        "childWorkflowSnapshotId": child.snapshot_id,
        "result": result.output,
    }
    return BlockResult(output, child_spans=spans)


def _problem(child: ChildWorkflow, result: RunResult) -> str | None:
    error = result.outcome.error
    if error is None:
        return None if result.outcome.status is RunStatus.COMPLETED else f'"{child.name}" failed: Cancelled'
    if error.code is ErrorCode.CHILD_WORKFLOW_FAILED:
        return _extend_chain(child.name, error.message)
    return f'"{child.name}" failed: {error.text}'


def _extend_chain(name: str, message: str) -> str:
    """Return a nested failure: the workflow names on the way, then the cause."""
    if message.startswith(_CHAIN):
        names, _, cause = message.removeprefix(_CHAIN).partition(_BAR)
        return f"{_CHAIN}{name}{_ARROW}{names}{_BAR}{cause}"
    match = _ONE_CHILD.fullmatch(message)
    return f"{_CHAIN}{name}{_ARROW}{match['name']}{_BAR}{match['cause']}" if match else f'"{name}" failed: {message}'


def _failure(message: str) -> BlockFailure:
    return BlockFailure(message, code=ErrorCode.CHILD_WORKFLOW_FAILED, can_retry=False)
