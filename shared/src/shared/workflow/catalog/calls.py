"""Blocks that call systems outside the run: HTTP, other workflows, memory, MCP servers."""

from typing import Final

from shared.workflow.catalog.spec import BlockSpec, Category, Effect, NumberRange, SubBlockSpec, When, fields
from shared.workflow.format.js_values import JsonObject, to_string

_REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_ADDS: Final = When("operation", ("add",))
_NAMED: Final = When("operation", ("getAll",), negated=True)
_CHILD_OUTPUTS: Final = fields(
    success="boolean",
    childWorkflowName="string",
    childWorkflowId="string",
    childWorkflowSnapshotId="string",
    result="json",
    error="string",
)
_WORKFLOW_ID: Final = (
    SubBlockSpec(id="workflowId", title="Workflow", type="workflow-selector", required=True, canonical_id="workflowId"),
    SubBlockSpec(id="manualWorkflowId", title="Workflow", required=True, canonical_id="workflowId", mode="advanced"),
)


def _api_effect(params: JsonObject) -> Effect:
    repeatable = to_string(params.get("method")).upper() in _REPEATABLE_METHODS
    return Effect.REPEATABLE if repeatable else Effect.OUTSIDE


def _memory_effect(params: JsonObject) -> Effect:
    return Effect.OUTSIDE if params.get("operation") == "add" else Effect.REPEATABLE


API: Final = BlockSpec(
    type="api",
    title="API",
    description="Calls an HTTP endpoint",
    sub_blocks=(
        SubBlockSpec(id="url", title="URL", required=True),
        SubBlockSpec(
            id="method",
            title="Method",
            type="dropdown",
            required=True,
            default="GET",
            options=("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"),
        ),
        SubBlockSpec(id="params", title="Query Params", type="table"),
        SubBlockSpec(id="headers", title="Headers", type="table"),
        SubBlockSpec(id="body", title="Body", type="code"),
        SubBlockSpec(id="escapeValues", title="Escape values in the JSON", type="switch"),
        SubBlockSpec(id="timeout", title="Timeout (ms)", number=NumberRange(1, 600_000)),
        SubBlockSpec(id="retries", title="Retries", number=NumberRange(0, 10, is_integer=True)),
        SubBlockSpec(id="retryDelayMs", title="Retry delay (ms)", number=NumberRange(0)),
        SubBlockSpec(id="retryMaxDelayMs", title="Max retry delay (ms)", number=NumberRange(0)),
        SubBlockSpec(id="retryNonIdempotent", title="Retry non-idempotent methods", type="switch"),
        SubBlockSpec(id="proxyUrl", title="Proxy URL", password=True),
    ),
    outputs=fields(data="json", status="number", headers="json"),
    effect=Effect.OUTSIDE,
    effect_of=_api_effect,
)
WEBHOOK_REQUEST: Final = BlockSpec(
    type="webhook_request",
    title="Webhook",
    description="Sends a signed POST request",
    sub_blocks=(
        SubBlockSpec(id="url", title="Webhook URL", required=True),
        SubBlockSpec(id="body", title="Payload", type="code"),
        SubBlockSpec(id="escapeValues", title="Escape values in the JSON", type="switch"),
        SubBlockSpec(id="secret", title="Signing Secret", password=True),
        SubBlockSpec(id="headers", title="Additional Headers", type="table"),
    ),
    outputs=fields(data="json", status="number", headers="json"),
    effect=Effect.OUTSIDE,
)
WORKFLOW_INPUT: Final = BlockSpec(
    type="workflow_input",
    title="Workflow",
    description="Runs a deployed workflow and returns its result",
    sub_blocks=(*_WORKFLOW_ID, SubBlockSpec(id="inputMapping", title="Input Mapping", type="input-mapping")),
    outputs=_CHILD_OUTPUTS,
    effect=Effect.OUTSIDE,
)
WORKFLOW: Final = BlockSpec(
    type="workflow",
    title="Workflow (legacy)",
    description="Runs a deployed workflow and returns its result",
    sub_blocks=(*_WORKFLOW_ID, SubBlockSpec(id="input", title="Input")),
    outputs=_CHILD_OUTPUTS,
    effect=Effect.OUTSIDE,
)
MEMORY: Final = BlockSpec(
    type="memory",
    title="Memory",
    category=Category.TOOL,
    description="Saves and reads conversations",
    sub_blocks=(
        SubBlockSpec(
            id="operation",
            title="Operation",
            type="dropdown",
            default="add",
            options=("add", "get", "getAll", "delete"),
        ),
        SubBlockSpec(id="id", title="Conversation ID", required=True, condition=_NAMED),
        SubBlockSpec(
            id="role",
            title="Role",
            type="dropdown",
            required=True,
            values=("user", "assistant", "system"),
            condition=_ADDS,
        ),
        SubBlockSpec(id="content", title="Content", required=True, condition=_ADDS),
    ),
    outputs=fields(memories="json", id="string"),
    effect=Effect.OUTSIDE,
    effect_of=_memory_effect,
)
MCP: Final = BlockSpec(
    type="mcp",
    title="MCP Tool",
    category=Category.TOOL,
    description="Calls a tool on an MCP server",
    sub_blocks=(
        SubBlockSpec(id="server", title="MCP Server", type="mcp-server-selector", required=True),
        SubBlockSpec(id="tool", title="Tool", type="mcp-tool-selector", required=True),
        SubBlockSpec(id="arguments", title="Arguments", type="code"),
        SubBlockSpec(id="headers", title="Headers", type="table"),
    ),
    outputs=fields(content="array"),
    effect=Effect.OUTSIDE,
)
