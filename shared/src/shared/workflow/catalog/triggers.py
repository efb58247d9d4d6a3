"""Trigger block types."""

import re
from functools import partial
from typing import Final

from shared.workflow.catalog.spec import BlockSpec, Category, SubBlockSpec
from shared.workflow.format.input_format import declared_outputs, read_input_format
from shared.workflow.format.models import Block
from shared.workflow.format.paths import OutputField, Outputs

_INPUT_FORMAT: Final = SubBlockSpec(id="inputFormat", title="Inputs", type="input-format")
_INPUT: Final = OutputField(type="json", description="The caller's `input`")
_CONVERSATION_ID: Final = OutputField(type="string", description="The caller's conversation ID")
_FILES: Final = OutputField(type="file[]", description="The caller's files")


def _declared(block: Block) -> Outputs:
    return declared_outputs(read_input_format(block.value("inputFormat")))


def _unified(block: Block) -> Outputs:
    return {"input": _INPUT, "conversationId": _CONVERSATION_ID, "files": _FILES, **_declared(block), **_meta(block)}


def _meta(block: Block) -> Outputs:
    on = block.value("runMetadata") is True
    return {"metadata": OutputField(type="json", description="Metadata of the run")} if on else {}


def _fields_and_input(block: Block) -> Outputs:
    return {"input": _INPUT, **_declared(block)}


def _starter(block: Block) -> Outputs:
    return {"input": _INPUT, "conversationId": _CONVERSATION_ID, **_declared(block)}


_trigger: Final = partial(BlockSpec, category=Category.TRIGGER, retryable=False, has_error_port=False)
START: Final = _trigger(
    type="start_trigger",
    title="Start",
    description="Starts the workflow for any caller",
    sub_blocks=(_INPUT_FORMAT, SubBlockSpec(id="runMetadata", title="Run metadata", type="switch")),
    outputs_of=_unified,
)
API_TRIGGER: Final = _trigger(
    type="api_trigger",
    title="API",
    description="Starts the workflow for API calls (legacy)",
    sub_blocks=(_INPUT_FORMAT,),
    outputs_of=_fields_and_input,
)
INPUT_TRIGGER: Final = _trigger(
    type="input_trigger",
    title="Input Form",
    description="Starts the workflow with a form (legacy)",
    sub_blocks=(_INPUT_FORMAT,),
    outputs_of=_fields_and_input,
)
MANUAL_TRIGGER: Final = _trigger(
    type="manual_trigger",
    title="Manual",
    description="Starts the workflow from the editor (legacy)",
    sub_blocks=(_INPUT_FORMAT,),
    outputs_of=_fields_and_input,
)
CHAT_TRIGGER: Final = _trigger(
    type="chat_trigger",
    title="Chat",
    description="Starts the workflow for chat messages (legacy)",
    outputs={"input": _INPUT, "conversationId": _CONVERSATION_ID, "files": _FILES},
)
STARTER: Final = _trigger(
    type="starter",
    title="Starter",
    description="Starts the workflow (legacy)",
    sub_blocks=(_INPUT_FORMAT, SubBlockSpec(id="startWorkflow", title="Start workflow", type="dropdown")),
    outputs_of=_starter,
)
SCHEDULE: Final = _trigger(
    type="schedule",
    title="Schedule",
    description="Starts the workflow on a schedule; not served here: call the workflow from cron or CI",
    sub_blocks=(_INPUT_FORMAT,),
    outputs_of=_declared,
)
WEBHOOK: Final = _trigger(
    type="generic_webhook",
    title="Webhook",
    description="Starts the workflow when another service calls; not served here: let it call the workflow",
    sub_blocks=(_INPUT_FORMAT,),
    outputs_of=_declared,
)

UNSERVED_TRIGGERS: Final = (SCHEDULE.type, WEBHOOK.type)
"""Types that start no run here."""
_TRIGGER: Final = re.compile(r"(?P<service>.+)_(?:poller|trigger|webhook)(?:_v\d+)?")


def service_of(block_type: str) -> str | None:
    """Return the service that starts a trigger's runs, such as `gmail` for `gmail_poller`; None for other types."""
    match = _TRIGGER.fullmatch(block_type)
    return match["service"] if match else None


TRIGGERS: Final = (START, API_TRIGGER, INPUT_TRIGGER, MANUAL_TRIGGER, CHAT_TRIGGER, STARTER, SCHEDULE, WEBHOOK)
