"""Requests for chat completions."""

from typing import Final

from executor_service.providers.model import Attachment, Message, ModelRequest, Role, Tool, unsupported_file
from shared.workflow.format.js_values import Json, JsonObject, parse_json

_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def messages_of(request: ModelRequest) -> list[JsonObject]:
    """Return the conversation as `messages`."""
    return [_message(message) for message in request.messages]


def tools_of(request: ModelRequest) -> JsonObject:
    """Return `tools` and `tool_choice`, if there are tools."""
    if not request.tools or not request.may_call_tools:
        return {}
    choice: JsonObject | str = "auto"
    if request.forced_tool is not None:
        choice = {"type": "function", "function": {"name": request.forced_tool}}
    return {"tools": [_tool(tool) for tool in request.tools], "tool_choice": choice}


def _message(message: Message) -> JsonObject:
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": str(message.role), "content": _parts(message) if message.attachments else message.content}
    calls: list[JsonObject] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": _valid_arguments(call.arguments)},
        }
        for call in message.tool_calls
    ]
    return {"role": str(message.role), "content": message.content, "tool_calls": list(calls)}


def _valid_arguments(arguments: str) -> str:
    """Return the arguments, or `{}` if they are not a JSON object: some servers then reject the conversation.

    The tool's result has already told the model about the error.
    """
    return arguments if isinstance(parse_json(arguments), dict) else "{}"


def _parts(message: Message) -> list[Json]:
    content: list[Json] = [{"type": "text", "text": message.content}] if message.content else []
    return content + [_part(attachment) for attachment in message.attachments]


def _part(file: Attachment) -> JsonObject:
    if file.type in _IMAGE_TYPES:
        return {"type": "image_url", "image_url": {"url": file.data_url}}
    if file.type in _AUDIO_FORMATS:
        return {"type": "input_audio", "input_audio": {"data": file.base64, "format": _AUDIO_FORMATS[file.type]}}
    if file.type == "application/pdf":
        return {"type": "file", "file": {"filename": file.name, "file_data": file.data_url}}
    if file.text is None:
        raise unsupported_file(file, "OpenAI-compatible")
    return {"type": "text", "text": file.text}


def _tool(tool: Tool) -> JsonObject:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }
