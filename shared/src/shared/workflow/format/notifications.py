"""Notifications of a pause. They are unsupported: no person would learn that the run waits."""

from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json
from shared.workflow.format.models import Block
from shared.workflow.format.problems import error

NO_NOTIFICATIONS: Final = (
    "This server sends no notifications for a pause: remove them, and take the link from the answer of the run"
)


def notifies(tools: Json) -> bool:
    """Return whether a human-in-the-loop block relies on a notification by one of these tools."""
    return any(isinstance(tool, dict) and tool.get("usageControl") != "none" for tool in parse_list(tools))


def notification_problems(block: Block) -> Iterator[Problem]:
    """Yield an error if the block relies on a notification."""
    if notifies(block.value("notification")):
        message = f"{block.name}: {NO_NOTIFICATIONS}"
        yield error(ProblemCode.UNSUPPORTED_NOTIFICATION, message, block, ("notification",))
