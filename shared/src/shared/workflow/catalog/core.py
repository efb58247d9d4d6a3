"""Built-in block types, in the editor's order."""

from typing import Final

from shared.workflow.catalog.agents import AGENT, EVALUATOR, GUARDRAILS, ROUTER, ROUTER_V2
from shared.workflow.catalog.calls import API, MCP, MEMORY, WEBHOOK_REQUEST, WORKFLOW, WORKFLOW_INPUT
from shared.workflow.catalog.flow import CONDITION, HUMAN_IN_THE_LOOP, LOOP, NOTE, PARALLEL, RESPONSE, WAIT
from shared.workflow.catalog.logic import FUNCTION, VARIABLES
from shared.workflow.catalog.spec import BlockSpec
from shared.workflow.catalog.triggers import TRIGGERS

CORE_BLOCKS: Final[tuple[BlockSpec, ...]] = (
    *TRIGGERS,
    AGENT,
    FUNCTION,
    CONDITION,
    API,
    RESPONSE,
    LOOP,
    PARALLEL,
    VARIABLES,
    WORKFLOW_INPUT,
    WORKFLOW,
    ROUTER_V2,
    ROUTER,
    EVALUATOR,
    GUARDRAILS,
    HUMAN_IN_THE_LOOP,
    WAIT,
    MEMORY,
    MCP,
    WEBHOOK_REQUEST,
    NOTE,
)
