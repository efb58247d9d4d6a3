"""Parameters that no workflow supports: refused if ignoring them would make the answer misleading.

Parameters that only tune a model (temperature, max_tokens, stop and the like) are ignored: the workflow decides.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.errors import InvalidRequest

ONE_ANSWER: Final = "A workflow gives one answer: n must be 1"
OWN_TOOLS: Final = "A workflow calls its own tools, never the caller's"
OWN_FORM: Final = "The form of the answer is set in the workflow; response_format can only be text"
NO_LOGPROBS: Final = "A workflow does not tell log probabilities"
ANSWERS_IN_TEXT: Final = "A workflow answers in text"
ONLY_TEXT: Final = "Messages can only be text; files go to the workflow's own address, as fields of its input"
_TEXT: Final = ("text", "refusal")


def refuse_what_is_not_kept(body: Mapping[str, Any]) -> None:
    """Check `body`, a CompletionBody. Raises InvalidRequest for the first parameter that would be silently ignored."""
    for field, (is_wish, message) in _WISHES.items():
        value = body.get(field)
        if value is not None and is_wish(value, body):
            raise InvalidRequest(message, details=[{"code": "unsupported_value", "path": [field], "message": message}])


def _wants_tools(choice: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda tools, body: bool(tools) and body.get(choice) != "none"


def _is_more_than_text(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part["type"] not in _TEXT for part in content)


_WISHES: Final[Mapping[str, tuple[Callable[[Any, Mapping[str, Any]], bool], str]]] = {
    "n": (lambda n, _: n != 1, ONE_ANSWER),
    "tools": (_wants_tools("tool_choice"), OWN_TOOLS),
    "functions": (_wants_tools("function_call"), OWN_TOOLS),
    "response_format": (lambda form, _: form != {"type": "text"}, OWN_FORM),
    "logprobs": (lambda wanted, _: bool(wanted), NO_LOGPROBS),
    "top_logprobs": (lambda count, _: count != 0, NO_LOGPROBS),
    "modalities": (lambda kinds, _: kinds != ["text"], ANSWERS_IN_TEXT),
    "audio": (lambda _, __: True, ANSWERS_IN_TEXT),
    "messages": (lambda messages, _: any(map(_is_more_than_text, messages)), ONLY_TEXT),
}
