"""Workflows as tools of agents, with their descriptions for the model."""

from dataclasses import replace
from typing import Final

from executor_service.blocks.agent.tools import AgentTool, filled_values
from executor_service.blocks.ports import ChildWorkflow, ChildWorkflows
from executor_service.blocks.workflow import child_fields
from executor_service.engine import Call
from shared.errors import FlowportError
from shared.workflow.format.input_format import InputField
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string

MAPPING: Final = "inputMapping"
_TYPES: Final = {"number": "number", "boolean": "boolean", "object": "object", "array": "array", "file[]": "array"}


async def workflow_tool(children: ChildWorkflows | None, call: Call, tool: AgentTool) -> AgentTool:
    """Return a tool that calls a workflow; the model sets the input fields that the author left empty.

    The model gets the name and fields of the workflow that the author chose.
    """
    tool = _split_mapping(tool)
    child = await _find_workflow(children, call, to_string(tool.fixed.get("workflowId") or "").strip())
    if child is None or MAPPING in tool.fixed:
        return tool
    partly_fixed = object_of(tool.partly_fixed.get(MAPPING))
    fields = [field for field in child_fields(child.compiled) if field.name not in partly_fixed]
    properties = object_of(tool.parameters.get("properties"))
    others = {key: schema for key, schema in properties.items() if key != MAPPING}
    mapping = {**object_of(properties.get(MAPPING)), **_schema(fields)}
    return replace(
        tool,
        description=f'Runs the workflow "{child.name}" and returns its result.',
        parameters={**tool.parameters, "properties": {**others, MAPPING: mapping} if fields else others},
    )


def _split_mapping(tool: AgentTool) -> AgentTool:
    mapping = tool.fixed.get(MAPPING)
    if not isinstance(mapping, dict):
        return tool
    fixed = {key: value for key, value in tool.fixed.items() if key != MAPPING}
    return replace(tool, fixed=fixed, partly_fixed={MAPPING: given} if (given := filled_values(mapping)) else {})


async def _find_workflow(children: ChildWorkflows | None, call: Call, workflow_id: str) -> ChildWorkflow | None:
    """Return the workflow; None if it is unavailable now: the call reports why."""
    if children is None or not workflow_id:
        return None
    try:
        return await children.find(call.request.workspace_id, workflow_id)
    except FlowportError:
        return None


def _schema(fields: list[InputField]) -> JsonObject:
    required: list[Json] = [field.name for field in fields if field.value in (None, "")]
    return {"type": "object", "properties": {field.name: _field(field) for field in fields}, "required": required}


def _field(field: InputField) -> JsonObject:
    schema: JsonObject = {"type": _TYPES.get(field.type, "string")}
    return {**schema, "description": field.description} if field.description else schema
