"""Blocks that call a model."""

from typing import Final

from shared.workflow.catalog.spec import BlockSpec, Effect, NumberRange, SubBlockSpec, When, fields
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.models import Block
from shared.workflow.format.paths import OutputField, Outputs
from shared.workflow.format.response_format import read_response_format

_MODEL: Final = SubBlockSpec(id="model", title="Model", type="combobox", required=True)
_CREDENTIALS: Final = (
    SubBlockSpec(id="apiKey", title="API Key", password=True, is_model_key=True),
    SubBlockSpec(id="azureEndpoint", title="Endpoint"),
    SubBlockSpec(id="azureApiVersion", title="Azure API Version"),
    SubBlockSpec(id="vertexProject", title="Vertex Project"),
    SubBlockSpec(id="vertexLocation", title="Vertex Location"),
    SubBlockSpec(id="vertexCredential", title="Vertex Credential", password=True),
    SubBlockSpec(id="bedrockAccessKeyId", title="Bedrock Access Key ID", password=True),
    SubBlockSpec(id="bedrockSecretKey", title="Bedrock Secret Key", password=True),
    SubBlockSpec(id="bedrockRegion", title="Bedrock Region"),
)
_COUNT: Final = NumberRange(1, is_integer=True)
_TEMPERATURE: Final = NumberRange(0, 2)
_EFFORTS: Final = ("auto", "none", "minimal", "low", "medium", "high", "xhigh", "max")
_REMEMBERS: Final = When("memoryType", ("conversation", "sliding_window", "sliding_window_tokens"))
_ANSWER: Final = fields(
    content="string", model="string", tokens="json", toolCalls="json", providerTiming="json", cost="json"
)


def _agent_outputs(block: Block) -> Outputs:
    response_format = read_response_format(block.value("responseFormat"))
    return (response_format and response_format.outputs) or _ANSWER


def _agent_effect(params: JsonObject) -> Effect:
    """Tools may have any effect; a model call alone may be repeated."""
    return Effect.OUTSIDE if any(_is_active(tool) for tool in parse_list(params.get("tools"))) else Effect.REPEATABLE


def _is_active(tool: Json) -> bool:
    return isinstance(tool, dict) and tool.get("usageControl") != "none"


def _evaluator_outputs(block: Block) -> Outputs:
    names = (metric.get("name") for metric in parse_list(block.value("metrics")) if isinstance(metric, dict))
    scores = {to_string(name).lower(): OutputField(type="number") for name in names if name}
    return {**fields(content="string", model="string", tokens="json", cost="json"), **scores}


AGENT: Final = BlockSpec(
    type="agent",
    title="Agent",
    description="Calls a model with tools, memory and structured output",
    sub_blocks=(
        SubBlockSpec(id="messages", title="Messages", type="messages-input"),
        _MODEL,
        SubBlockSpec(id="tools", title="Tools", type="tool-input"),
        SubBlockSpec(id="skills", title="Skills", type="skill-input"),
        SubBlockSpec(
            id="memoryType",
            title="Memory",
            type="dropdown",
            options=("none", "conversation", "sliding_window", "sliding_window_tokens"),
        ),
        SubBlockSpec(id="conversationId", title="Conversation ID", required=True, condition=_REMEMBERS),
        SubBlockSpec(
            id="slidingWindowSize",
            title="Sliding Window Size",
            condition=When("memoryType", ("sliding_window",)),
            number=_COUNT,
        ),
        SubBlockSpec(
            id="slidingWindowTokens",
            title="Max Tokens",
            condition=When("memoryType", ("sliding_window_tokens",)),
            number=_COUNT,
        ),
        SubBlockSpec(id="responseFormat", title="Response Format", type="code"),
        SubBlockSpec(id="temperature", title="Temperature", type="slider", number=_TEMPERATURE),
        SubBlockSpec(id="maxTokens", title="Max Output Tokens", number=_COUNT),
        SubBlockSpec(id="reasoningEffort", title="Reasoning Effort", type="dropdown", values=_EFFORTS),
        SubBlockSpec(
            id="verbosity", title="Verbosity", type="dropdown", values=("auto", "none", "low", "medium", "high")
        ),
        SubBlockSpec(id="thinkingLevel", title="Thinking Level", type="dropdown", values=_EFFORTS),
        SubBlockSpec(id="promptCaching", title="Prompt Caching", type="switch"),
        SubBlockSpec(id="attachmentFiles", title="Files", type="file-upload", canonical_id="files"),
        SubBlockSpec(id="files", title="Files", canonical_id="files", mode="advanced"),
        SubBlockSpec(id="previousInteractionId", title="Previous Interaction ID"),
        *_CREDENTIALS,
        SubBlockSpec(id="systemPrompt", title="System Prompt", type="long-input"),
        SubBlockSpec(id="userPrompt", title="User Prompt", type="long-input"),
        SubBlockSpec(id="memories", title="Memories"),
    ),
    outputs=_ANSWER,
    outputs_of=_agent_outputs,
    effect=Effect.REPEATABLE,
    effect_of=_agent_effect,
)
ROUTER_V2: Final = BlockSpec(
    type="router_v2",
    title="Router",
    description="Lets a model choose a route",
    sub_blocks=(
        SubBlockSpec(id="context", title="Context", type="long-input", required=True),
        SubBlockSpec(id="routes", title="Routes", type="router-input"),
        _MODEL,
        *_CREDENTIALS,
    ),
    outputs=fields(
        context="string",
        model="string",
        tokens="json",
        cost="json",
        selectedRoute="string",
        reasoning="string",
        selectedPath="json",
    ),
    effect=Effect.REPEATABLE,
)
ROUTER: Final = BlockSpec(
    type="router",
    title="Router (legacy)",
    description="Lets a model choose the next block",
    sub_blocks=(
        SubBlockSpec(id="prompt", title="Prompt", type="long-input", required=True),
        _MODEL,
        SubBlockSpec(id="temperature", title="Temperature", type="slider", number=_TEMPERATURE),
        *_CREDENTIALS,
    ),
    outputs=fields(
        prompt="string", model="string", tokens="json", cost="json", selectedPath="json", selectedRoute="string"
    ),
    effect=Effect.REPEATABLE,
)
EVALUATOR: Final = BlockSpec(
    type="evaluator",
    title="Evaluator",
    description="Lets a model score text by your metrics",
    sub_blocks=(
        SubBlockSpec(id="metrics", title="Evaluation Metrics", type="eval-input", required=True),
        SubBlockSpec(id="content", title="Content", type="long-input", required=True),
        _MODEL,
        *_CREDENTIALS,
    ),
    outputs_of=_evaluator_outputs,
    effect=Effect.REPEATABLE,
)

PII_TYPES: Final = (
    "EMAIL_ADDRESS",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "IP_ADDRESS",
    "URL",
    "PHONE_NUMBER",
)
"""Types of personal data that a guardrails block finds."""
_HALLUCINATION: Final = When("validationType", ("hallucination",))
_PII: Final = When("validationType", ("pii",))

GUARDRAILS: Final = BlockSpec(
    type="guardrails",
    title="Guardrails",
    description="Validates text: JSON, regex, hallucination or personal data",
    sub_blocks=(
        SubBlockSpec(id="input", title="Content to Validate", type="long-input", required=True),
        SubBlockSpec(
            id="validationType",
            title="Validation Type",
            type="dropdown",
            required=True,
            options=("json", "regex", "hallucination", "pii"),
        ),
        SubBlockSpec(id="regex", title="Regex Pattern", required=True, condition=When("validationType", ("regex",))),
        SubBlockSpec(id="knowledgeBaseId", title="Knowledge Base", condition=_HALLUCINATION),
        SubBlockSpec(id="context", title="Known Facts", type="long-input", condition=_HALLUCINATION),
        SubBlockSpec(id="model", title="Model", type="combobox", required=True, condition=_HALLUCINATION),
        SubBlockSpec(
            id="threshold",
            title="Confidence Threshold",
            type="slider",
            condition=_HALLUCINATION,
            number=NumberRange(0, 10),
        ),
        SubBlockSpec(id="topK", title="Chunks to Retrieve", type="slider", condition=_HALLUCINATION, number=_COUNT),
        SubBlockSpec(id="apiKey", title="API Key", password=True, is_model_key=True, condition=_HALLUCINATION),
        SubBlockSpec(id="piiEntityTypes", title="Types of Personal Data", condition=_PII),
        SubBlockSpec(id="piiMode", title="Action", type="dropdown", options=("block", "mask"), condition=_PII),
        SubBlockSpec(id="piiLanguage", title="Language", type="dropdown", condition=_PII),
        SubBlockSpec(id="piiCustomPatterns", title="Custom Patterns", condition=_PII),
    ),
    outputs=fields(
        passed="boolean",
        validationType="string",
        input="string",
        error="string",
        score="number",
        reasoning="string",
        detectedEntities="array",
        maskedText="string",
    ),
    effect=Effect.REPEATABLE,
)
