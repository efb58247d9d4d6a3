"""Agent block: a model with tools and structured answers."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from executor_service.blocks.agent.attachments import attach_files, load_attachments
from executor_service.blocks.agent.conversation import Conversation
from executor_service.blocks.agent.memory import in_order, open_memory, read_messages
from executor_service.blocks.agent.tool_builder import BlockTool, ToolBuilder
from executor_service.blocks.agent.tools import AgentTool
from executor_service.blocks.agent.usage import UsageRecorder, priced_cost_json, tokens_json
from executor_service.blocks.ports import Files, MemoryStore, ModelServer
from executor_service.blocks.values import NOT_STRUCTURED, number_of, parse_answer
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from executor_service.engine.secrets import Secrets
from executor_service.providers import Message, ModelRequest, Turn
from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.response_format import read_response_format

__all__ = ["AgentHandler", "BlockTool", "ToolBuilder", "model_request"]

CREDENTIALS: Final = (
    "apiKey",
    "azureEndpoint",
    "azureApiVersion",
    "vertexProject",
    "vertexLocation",
    "vertexCredential",
    "bedrockAccessKeyId",
    "bedrockSecretKey",
    "bedrockRegion",
)


class AgentHandler(BlockHandler):
    """Streams text as it is written if the caller selected this block; structured answers arrive whole."""

    def __init__(
        self,
        models: ModelServer,
        tool_builder: ToolBuilder,
        memory: MemoryStore | None = None,
        files: Files | None = None,
    ) -> None:
        self._models = models
        self._tool_builder = tool_builder
        self._memory = memory
        self._files = files

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Converse until the model answers."""
        params = inputs.params
        prompt: Sequence[Message] = read_messages(params.get("messages"))
        remembered: Sequence[Message] = read_messages(params.get("memories"))
        memory = open_memory(self._memory, call, params)
        if memory is not None:
            loaded, prompt = await memory.load_messages(prompt)
            remembered = (*remembered, *loaded)
        tools = await self._tool_builder.tools(call, params.get("tools"))
        attached = await load_attachments(self._files, call, params.get("files"))
        conversation = self._conversation(call, params, attach_files(in_order(prompt, remembered), attached), tools)
        turn = await conversation.run()
        if memory is not None:
            await memory.store_messages(prompt, turn.content)
        is_structured = conversation.request.response_format is not None
        return BlockResult({**_answer(turn, is_structured=is_structured), **_facts(call, conversation)})

    def _conversation(
        self, call: Call, params: JsonObject, messages: tuple[Message, ...], tools: Sequence[AgentTool]
    ) -> Conversation:
        request = model_request(call, params)
        response_format = read_response_format(params.get("responseFormat"))
        return Conversation(
            call=call,
            models=self._models,
            request=replace(
                request,
                messages=messages,
                response_format=response_format,
                reasoning_effort=_choice(params.get("reasoningEffort")),
                verbosity=_choice(params.get("verbosity")),
                thinking_level=_choice(params.get("thinkingLevel")),
            ),
            tools=tools,
            recorder=UsageRecorder(request.model, self._models.provider_of(request.model)),
            is_live=response_format is None,
            secrets=Secrets(call.workflow.named_values(call.environment) if tools else ()),
        )


def model_request(call: Call, params: JsonObject) -> ModelRequest:
    """Return the request shared by blocks that ask models: the model, its settings, and the block's credentials."""
    credentials = {name: to_string(params[name]) for name in CREDENTIALS if params.get(name)}
    max_tokens = _number(params.get("maxTokens"))
    return ModelRequest(
        model=to_string(params.get("model") or ""),
        messages=(),
        temperature=_number(params.get("temperature")),
        max_tokens=None if max_tokens is None else int(max_tokens),
        timeout_seconds=call.remaining_seconds(),
        workspace_id=call.request.workspace_id,
        credentials=credentials,
    )


def _answer(turn: Turn, *, is_structured: bool) -> JsonObject:
    if not is_structured:
        return {"content": turn.content}
    parsed = parse_answer(turn.content)
    return {"content": turn.content, "_responseFormatWarning": NOT_STRUCTURED} if parsed is None else parsed


def _facts(call: Call, conversation: Conversation) -> JsonObject:
    return {
        "model": conversation.request.model,
        "tokens": tokens_json(conversation.recorder.tokens),
        "toolCalls": {"list": list(conversation.calls), "count": len(conversation.calls)},
        "providerTiming": conversation.recorder.timing(call.now()),
        "cost": priced_cost_json(conversation.recorder.cost, conversation.recorder.tokens),
    }


def _number(value: Json) -> float | int | None:
    number = number_of(value)
    return None if number is None or math.isinf(number) else number


def _choice(value: Json) -> str | None:
    """Return a dropdown's value; `none` and `auto` leave it to the provider."""
    return value if isinstance(value, str) and value not in ("", "none", "auto") else None
