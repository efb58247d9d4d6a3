"""Control-flow blocks."""

from typing import Final

from shared.workflow.catalog.spec import BlockSpec, Category, NumberRange, SubBlockSpec, When, fields
from shared.workflow.format.input_format import declared_outputs, read_input_format
from shared.workflow.format.models import Block
from shared.workflow.format.paths import Outputs

_BUILT: Final = When("dataMode", ("structured",))
_JSON: Final = When("dataMode", ("json",))
_ASYNC_WAIT: Final = When("async", (True, "true"))
_SYNC_WAIT: Final = When("async", (True, "true"), negated=True)


def _form_outputs(block: Block) -> Outputs:
    return {
        **fields(
            url="string",
            resumeEndpoint="string",
            response="json",
            submission="json",
            resumeInput="json",
            submittedAt="string",
        ),
        **declared_outputs(read_input_format(block.value("inputFormat"))),
    }


CONDITION: Final = BlockSpec(
    type="condition",
    title="Condition",
    description="Follows the first branch that is true",
    sub_blocks=(SubBlockSpec(id="conditions", title="Conditions", type="condition-input"),),
    outputs=fields(conditionResult="boolean", selectedPath="json", selectedOption="string"),
)
RESPONSE: Final = BlockSpec(
    type="response",
    title="Response",
    description="Ends the run with a response: body, status and headers",
    sub_blocks=(
        SubBlockSpec(
            id="dataMode",
            title="Response Data Mode",
            type="dropdown",
            default="structured",
            options=("structured", "json"),
        ),
        SubBlockSpec(id="builderData", title="Response Structure", type="response-format", condition=_BUILT),
        SubBlockSpec(id="data", title="Response Data", type="code", condition=_JSON),
        SubBlockSpec(id="escapeValues", title="Escape values in the JSON", type="switch", condition=_JSON),
        SubBlockSpec(id="status", title="Status Code", number=NumberRange(100, 599, is_integer=True)),
        SubBlockSpec(id="headers", title="Response Headers", type="table"),
    ),
    outputs=fields(data="json", status="number", headers="json"),
    has_error_port=False,
)
LOOP: Final = BlockSpec(
    type="loop",
    title="Loop",
    category=Category.CONTAINER,
    description="Repeats the blocks inside",
    outputs=fields(results="array"),
    retryable=False,
    has_error_port=False,
)
PARALLEL: Final = BlockSpec(
    type="parallel",
    title="Parallel",
    category=Category.CONTAINER,
    description="Runs the blocks inside in parallel",
    outputs=fields(results="array"),
    retryable=False,
    has_error_port=False,
)
WAIT: Final = BlockSpec(
    type="wait",
    title="Wait",
    description="Waits a set time",
    sub_blocks=(
        SubBlockSpec(id="async", title="Async", type="switch"),
        SubBlockSpec(id="timeValue", title="Wait Amount", default="10", number=NumberRange(0, excludes_low=True)),
        SubBlockSpec(
            id="timeUnit",
            title="Unit",
            type="dropdown",
            default="seconds",
            options=("seconds", "minutes"),
            condition=_SYNC_WAIT,
        ),
        SubBlockSpec(
            id="timeUnitLong",
            title="Unit",
            type="dropdown",
            default="minutes",
            options=("minutes", "hours", "days"),
            condition=_ASYNC_WAIT,
        ),
    ),
    outputs=fields(waitDuration="number", status="string", resumeAt="string"),
)
HUMAN_IN_THE_LOOP: Final = BlockSpec(
    type="human_in_the_loop",
    title="Human in the Loop",
    description="Pauses the run until a person answers",
    sub_blocks=(
        SubBlockSpec(id="builderData", title="Display Data", type="response-format"),
        SubBlockSpec(id="notification", title="Notification", type="tool-input"),
        SubBlockSpec(id="inputFormat", title="Resume Form", type="input-format"),
    ),
    outputs_of=_form_outputs,
    retryable=False,
)
NOTE: Final = BlockSpec(
    type="note",
    title="Note",
    category=Category.NOTE,
    description="A comment on the canvas; never runs",
    sub_blocks=(SubBlockSpec(id="content", title="Content", type="long-input"),),
    retryable=False,
    has_error_port=False,
)
