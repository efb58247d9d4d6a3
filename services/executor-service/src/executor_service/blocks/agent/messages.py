"""Messages of an agent to its model."""

from collections.abc import Iterable

from executor_service.blocks.values import text_of
from executor_service.providers import Message, Role
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json

_ROLES = {str(role): role for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)}


def read_messages(value: Json) -> list[Message]:
    """Return the messages of a setting: a list of `{role, content}` or its JSON text; other entries are skipped."""
    return [
        Message(role=_ROLES[role], content=text_of(entry.get("content")))
        for entry in parse_list(value)
        if isinstance(entry, dict) and isinstance(role := entry.get("role"), str) and role in _ROLES
    ]


def in_order(prompt: Iterable[Message], remembered: Iterable[Message] = ()) -> tuple[Message, ...]:
    """Return system messages first, then remembered ones, then the rest."""
    messages = list(prompt)
    system = [message for message in messages if message.role is Role.SYSTEM]
    rest = [message for message in messages if message.role is not Role.SYSTEM]
    return (*system, *remembered, *rest)
