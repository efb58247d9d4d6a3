"""Stores and reads conversations across runs."""

from collections.abc import Sequence
from hashlib import sha256

from executor_service.blocks.ports import MemoryStore
from executor_service.blocks.values import text_of
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from shared.contracts.conversations import LONGEST_CONVERSATION_ID, LONGEST_MESSAGE, ConversationMessage
from shared.workflow.format.js_values import JsonObject, to_string


class MemoryHandler(BlockHandler):
    """Adds, reads, lists and deletes messages."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Do one operation."""
        params = inputs.params
        workspace, conversation = call.request.workspace_id, to_string(params.get("id") or "").strip()
        operation = to_string(params.get("operation") or "add")
        if operation != "getAll" and not conversation:
            raise _failure("A conversation ID is required")
        if len(conversation) > LONGEST_CONVERSATION_ID:
            raise _failure(f"A conversation ID may have at most {LONGEST_CONVERSATION_ID} characters")
        match operation:
            case "add":
                message = ConversationMessage(to_string(params.get("role") or "user"), text_of(params.get("content")))
                if len(message.content.encode("utf-8", "surrogatepass")) > LONGEST_MESSAGE:
                    raise _failure(f"A message may have at most {LONGEST_MESSAGE} bytes")
                await self._store.append(workspace, conversation, [message], once=_append_key(call, message))
                return _read(conversation, await self._store.read(workspace, conversation))
            case "get":
                return _read(conversation, await self._store.read(workspace, conversation))
            case "getAll":
                found = await self._store.conversations(workspace)
                return BlockResult({"memories": [_conversation(key, messages) for key, messages in found.items()]})
            case "delete":
                await self._store.delete(workspace, conversation)
                return BlockResult({"memories": [], "id": conversation})
            case _:
                raise _failure(f"Unknown operation: {operation}")


def _append_key(call: Call, message: ConversationMessage) -> str:
    """Return the idempotency key of an append.

    It includes the message: an agent with this block as a tool may add several messages from one place.
    """
    digest = sha256(f"{message.role}:{message.content}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{call.request.run_id}/{call.execution_path}/{digest}"


def _read(conversation: str, messages: Sequence[ConversationMessage]) -> BlockResult:
    return BlockResult({"memories": [_message(message) for message in messages], "id": conversation})


def _conversation(key: str, messages: Sequence[ConversationMessage]) -> JsonObject:
    return {"id": key, "messages": [_message(message) for message in messages]}


def _message(message: ConversationMessage) -> JsonObject:
    return {"role": message.role, "content": message.content}


def _failure(message: str) -> BlockFailure:
    return BlockFailure(f"Memory Block Error: {message}", can_retry=False)
