"""Files attached to a user's message for a model."""

from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from executor_service.blocks.ports import Files
from executor_service.engine import BlockFailure, Call
from executor_service.providers import Attachment, Message, Role
from shared.contracts.files import FileKey
from shared.errors import NotFound
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, to_string

MAX_ATTACHMENTS: Final = 15
MAX_BYTES: Final = 50 * 1024 * 1024
"""Limit for all files of one agent."""


async def load_attachments(files: Files | None, call: Call, setting: Json) -> list[Attachment]:
    """Return the files that a block's `files` setting names. Raises BlockFailure."""
    entries = [entry for entry in _entries(setting) if isinstance(entry, dict)]
    if len(entries) > MAX_ATTACHMENTS:
        raise BlockFailure(f"More than {MAX_ATTACHMENTS} files", can_retry=False)
    found: list[Attachment] = []
    room = MAX_BYTES
    for entry in entries:
        attachment = await _attachment(files, call, entry)
        room -= len(attachment.content)
        if room < 0:
            raise BlockFailure(f"The files exceed {MAX_BYTES // 1024**2} MiB in total", can_retry=False)
        found.append(attachment)
    return found


def attach_files(messages: Sequence[Message], attached: Iterable[Attachment]) -> tuple[Message, ...]:
    """Attach the files to the last user message."""
    files = tuple(attached)
    if not files:
        return tuple(messages)
    last = max((index for index, message in enumerate(messages) if message.role is Role.USER), default=None)
    if last is None:
        return (*messages, Message(role=Role.USER, attachments=files))
    return (*messages[:last], replace(messages[last], attachments=files), *messages[last + 1 :])


def _entries(setting: Json) -> list[Json]:
    parsed = parse_json(setting) if isinstance(setting, str) and setting.strip() else setting
    if isinstance(parsed, dict):
        return [parsed]
    return parsed if parsed is not MISSING and isinstance(parsed, list) else []


async def _attachment(files: Files | None, call: Call, entry: JsonObject) -> Attachment:
    name = to_string(entry.get("name") or "file")
    kind = to_string(entry.get("type") or "application/octet-stream")
    if isinstance(content := entry.get("base64"), str):
        try:
            return Attachment(name, kind, b64decode(content, validate=True))
        except ValueError:
            raise BlockFailure(f"{name}: its content is not valid base64", can_retry=False) from None
    key = FileKey.parse(to_string(entry.get("key") or ""))
    if files is None or key is None or key.workspace_id != call.request.workspace_id:
        raise BlockFailure(f"{name} is not a file of this workspace", can_retry=False)
    try:
        return Attachment(name, kind, await files.get(key))
    except NotFound:
        raise BlockFailure(f"{name} is no longer stored", can_retry=False) from None
