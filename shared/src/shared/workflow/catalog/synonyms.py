"""Words of other systems for block types and settings."""

from collections.abc import Iterable, Mapping
from typing import Final

TYPE_SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("llm", "model", "chat_model", "ai", "openai", "anthropic", "prompt", "chain"), "agent"),
    **dict.fromkeys(("if", "switch", "branch", "if_else", "ifelse", "filter", "case"), "condition"),
    **dict.fromkeys(("http", "httprequest", "http_request", "request", "rest", "fetch", "curl"), "api"),
    **dict.fromkeys(("code", "script", "javascript", "js", "python", "transform", "lambda"), "function"),
    **dict.fromkeys(("foreach", "for_each", "for", "while", "repeat", "iterator", "map", "splitinbatches"), "loop"),
    **dict.fromkeys(("set", "variable", "assign", "set_variable"), "variables"),
    **dict.fromkeys(("delay", "sleep", "pause", "timer"), "wait"),
    **dict.fromkeys(("approval", "human", "human_approval", "form", "manual_approval"), "human_in_the_loop"),
    **dict.fromkeys(("subworkflow", "sub_workflow", "child_workflow", "execute_workflow"), "workflow_input"),
    **dict.fromkeys(
        (
            "output",
            "end",
            "return",
            "result",
            "reply",
            "respond",
            "respond_to_webhook",
            "webhook_response",
            "http_response",
        ),
        "response",
    ),
    **dict.fromkeys(("input", "trigger", "begin", "entry", "manual", "chat", "chat_input"), "start_trigger"),
    **dict.fromkeys(("cron", "scheduler", "scheduletrigger"), "schedule"),
    **dict.fromkeys(("webhook", "webhooktrigger"), "generic_webhook"),
    **dict.fromkeys(("comment", "sticky", "sticky_note", "stickynote"), "note"),
    **dict.fromkeys(("classifier", "classify", "intent", "llm_router", "text_classifier"), "router_v2"),
    **dict.fromkeys(("guardrail", "validate", "validator", "pii"), "guardrails"),
    **dict.fromkeys(("judge", "evaluation", "eval", "score"), "evaluator"),
    **dict.fromkeys(("concurrent", "parallel_for", "fan_out", "batch"), "parallel"),
}
"""Block type that each word means."""
_REQUEST: Final = {
    **dict.fromkeys(("uri", "endpoint", "address", "link"), "url"),
    **dict.fromkeys(("verb", "httpmethod", "type"), "method"),
    **dict.fromkeys(("query", "queryparams", "query_params", "qs", "querystring", "search"), "params"),
    **dict.fromkeys(("json", "data", "payload", "content", "jsonbody", "formdata", "form"), "body"),
    **dict.fromkeys(("auth", "authorization", "authentication", "token", "bearer", "apikey", "api_key"), "headers"),
}
SETTING_SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "agent": {
        **dict.fromkeys(
            ("prompt", "system", "user", "instructions", "question", "message", "text", "input"), "messages"
        ),
        **dict.fromkeys(("schema", "output", "output_schema", "outputschema", "format"), "responseFormat"),
        **dict.fromkeys(("memory",), "memoryType"),
        **dict.fromkeys(("session", "sessionid", "session_id", "thread", "threadid"), "conversationId"),
        **dict.fromkeys(("llm", "engine", "modelname", "provider"), "model"),
        **dict.fromkeys(("functions",), "tools"),
        **dict.fromkeys(("max_output_tokens", "maxoutputtokens", "limit"), "maxTokens"),
        **dict.fromkeys(("windowsize", "window_size", "window"), "slidingWindowSize"),
    },
    "function": {
        **dict.fromkeys(("script", "source", "js", "javascript", "python", "body", "expression", "run"), "code"),
        **dict.fromkeys(("lang", "runtime"), "language"),
    },
    "api": _REQUEST,
    "webhook_request": {
        **{word: meant for word, meant in _REQUEST.items() if meant not in ("method", "params")},
        **dict.fromkeys(("signature", "signingsecret", "signing_secret"), "secret"),
    },
    "response": {
        **dict.fromkeys(("body", "json", "output", "content", "result", "value", "text", "message"), "data"),
        **dict.fromkeys(("statuscode", "status_code", "code", "httpstatus"), "status"),
    },
    "wait": {
        **dict.fromkeys(("duration", "seconds", "minutes", "amount", "time", "delay", "value"), "timeValue"),
        **dict.fromkeys(("unit", "units"), "timeUnit"),
    },
    "memory": {
        **dict.fromkeys(("conversationid", "conversation_id", "key", "session", "sessionid"), "settings: {id}"),
        **dict.fromkeys(("message", "text", "value", "data"), "content"),
        **dict.fromkeys(("action", "mode"), "operation"),
    },
    "guardrails": {
        **dict.fromkeys(("text", "content", "value"), "input"),
        **dict.fromkeys(("pattern", "regexp"), "regex"),
        **dict.fromkeys(("check", "validation", "kind"), "validationType"),
        **dict.fromkeys(("entities", "piitypes", "pii_types"), "piiEntityTypes"),
    },
    "evaluator": {
        **dict.fromkeys(("text", "input", "value"), "content"),
        **dict.fromkeys(("criteria", "scores"), "metrics"),
    },
    "human_in_the_loop": {
        **dict.fromkeys(("form", "fields", "questions"), "inputs"),
        **dict.fromkeys(("display", "message", "text", "content", "data"), "builderData"),
    },
    "mcp": {
        **dict.fromkeys(("serverurl", "url", "server_url", "endpoint"), "server"),
        **dict.fromkeys(("toolname", "function", "operation"), "tool"),
        **dict.fromkeys(("args", "params", "parameters", "inputs"), "arguments"),
    },
    "workflow_input": {
        **dict.fromkeys(("workflow", "workflow_id", "child", "target"), "workflowId"),
        **dict.fromkeys(("inputs", "inputformat", "input", "params", "arguments", "data", "mapping"), "inputMapping"),
    },
    "router_v2": dict.fromkeys(("prompt", "question", "message", "text", "query"), "context"),
    "variables": dict.fromkeys(("assignments", "values", "set"), "variables"),
    "note": dict.fromkeys(("text", "message", "description", "note"), "content"),
}
"""Setting of each block type that a word means, in lower case."""
KEY_HINTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("depends_on", "dependsOn", "needs", "after", "runAfter"), "Name this block in next of another one."
    ),
    **dict.fromkeys(("if", "when", "condition"), "Put a condition block before this block."),
    **dict.fromkeys(("description", "comment", "notes"), "Write a comment after #."),
    **dict.fromkeys(("outputs", "output"), "The outputs follow from the type of the block: remove it."),
}
"""What to do instead of using keys of other systems."""


def type_word(block_type: str) -> str:
    """Return the word of a block type for a look-up: `n8n-nodes-base.httpRequest` is `httprequest`."""
    return block_type.rpartition(".")[2].strip().lower().replace("-", "_").replace(" ", "_")


def is_misnamed(block_type: str, keys: Iterable[str], setting: str) -> bool:
    """Return whether one of the keys of a block means this setting: the unknown key is reported."""
    synonyms = SETTING_SYNONYMS.get(block_type, {})
    others = (key.lower() for key in keys if key != setting)
    return any(synonyms.get(key) == setting or key.replace("_", "") == setting.lower() for key in others)
