"""Block settings that Flowport recognizes but does not support, reported at deploy rather than by every run."""

import math
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.compile.code_parser import Language
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, stringify, to_number, to_string
from shared.workflow.format.model_names import NOT_CALLED, provider_of
from shared.workflow.format.models import LOOP_TYPES, Block
from shared.workflow.format.problems import error
from shared.workflow.format.suggestions import nearest, one_of

NO_KNOWLEDGE: Final = (
    "Knowledge bases are not supported: remove the knowledge base, and pass known facts as text (context)"
)
NO_PROXY: Final = "Calls through a proxy are not supported: remove the proxy URL"
NO_SKILLS: Final = (
    "Skills are stored only on the server where they were created: remove them, and put their text into the agent's "
    "messages"
)
MCP_TOOLS: Final = ("mcp", "mcp-server")
MCP_SERVER: Final = ("serverUrl", "server", "serverId")
"""Settings that may name the server of an agent's tool; the first that is set counts."""
_LANGUAGES: Final = {
    **dict.fromkeys(("js", "node", "nodejs", "ecmascript"), "javascript"),
    **dict.fromkeys(("py", "python3"), "python"),
}
"""Other names of the languages."""
_URLS: Final = ("http://", "https://")
_CALLING_MODELS: Final = frozenset({"agent", "router", "router_v2", "evaluator"})


def unsupported_settings(block: Block) -> Iterator[Problem]:
    """Yield one error for each unsupported setting of a block."""
    if (
        block.type == "guardrails"
        and block.value("validationType") == "hallucination"
        and block.value("knowledgeBaseId")
    ):
        yield _error(block, NO_KNOWLEDGE, "knowledgeBaseId")
    if block.type == "function" and (problem := language_problem(block.value("language"))):
        given = block.value("language")
        named = given.strip() if isinstance(given, str) else ""
        suggestion = _LANGUAGES.get(named.lower()) or nearest(named, list(Language))
        problem = f'language is "{named}".{one_of("", Language, suggestion)}' if suggestion else problem
        yield _error(block, problem, "language")
    if provider := _provider_not_called(block):
        yield _error(block, not_called(provider), "model")
    if block.type == "api" and block.value("proxyUrl"):
        yield _error(block, NO_PROXY, "proxyUrl")
    if block.type == "mcp" and (server := block.value("server")) and not is_mcp_server(server):
        yield _error(block, not_an_mcp_server(server), "server")
    if block.type == "loop" and (kind := block.data.get("loopType")) and kind not in LOOP_TYPES:
        given = to_string(kind)
        yield _error(block, f"{unknown_kind(given)}.{one_of(given, LOOP_TYPES)}", "loopType")
    if _is_counted(block) and (count := block.data.get("count")) and (problem := count_problem(count)):
        hint = ". References are not filled in here: use a collection" if "<" in to_string(count) else ""
        yield _error(block, f"{block.type.capitalize()} {problem}{hint}", "count")
    if block.type == "agent":
        if parse_list(block.value("skills")):
            yield _error(block, NO_SKILLS, "skills")
        for tool in parse_list(block.value("tools")):
            server = _tool_server(tool)
            if server and not is_mcp_server(server):
                yield _error(block, not_an_mcp_server(server), "tools")


def not_called(provider: str) -> str:
    """Return the message for an unsupported provider."""
    return f"Models of {provider} cannot be called directly: set up a LiteLLM proxy, and name the model litellm/…"


def _provider_not_called(block: Block) -> str | None:
    calls_model = block.type in _CALLING_MODELS or (
        block.type == "guardrails" and block.value("validationType") == "hallucination"
    )
    provider = provider_of(to_string(block.value("model"))) if calls_model else ""
    return provider if provider in NOT_CALLED else None


def count_problem(count: Json) -> str | None:
    """Return the problem of a container's count; None if it is valid. References are not filled in there."""
    number = to_number(count)
    return None if 0 <= number < math.inf else f"count must be a number of zero or more, not {stringify(count)}"


def unknown_kind(kind: str) -> str:
    """Return the message for an unknown kind of loop."""
    return f"Unknown loop type: {kind}"


def language_problem(language: Json) -> str | None:
    """Return why functions in this language are unsupported; None for supported or missing languages."""
    return None if language in (None, "", *Language) else no_sandbox_for(to_string(language))


def no_sandbox_for(language: str) -> str:
    """Return the message for an unsupported language."""
    return (
        f"{language.capitalize()} execution requires a remote code sandbox to be enabled. "
        "Please contact your administrator to enable it, or use JavaScript instead."
    )


def is_mcp_server(named: Json) -> bool:
    """Return whether a setting names a server, or may do so once its references are filled in."""
    text = named.strip().lower() if isinstance(named, str) else ""
    return text.startswith(_URLS) or text.startswith(("<", "{{"))


def not_an_mcp_server(named: Json) -> str:
    """Return the message for an invalid server."""
    return f"MCP servers are identified by their URL, and {named} is not a URL"


def _is_counted(block: Block) -> bool:
    if block.type == "parallel":
        return (block.data.get("parallelType") or "count") == "count"
    kind, condition = block.data.get("loopType") or "for", block.data.get("doWhileCondition")
    goes_on = isinstance(condition, str) and condition.strip()
    return block.type == "loop" and (kind == "for" or (kind == "doWhile" and not goes_on))


def _tool_server(tool: Json) -> Json:
    if not isinstance(tool, dict) or tool.get("type") not in MCP_TOOLS or tool.get("usageControl") == "none":
        return None
    params = tool.get("params")
    given = params if isinstance(params, dict) else {}
    return next((given[name] for name in MCP_SERVER if given.get(name)), None)


def _error(block: Block, message: str, field: str) -> Problem:
    return error(ProblemCode.UNSUPPORTED_SETTING, f"{block.name}: {message}", block, (field,))
