"""Code that reads fields which an agent's answer does not have."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.references import Reference
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.code.member_names import ARRAY_MEMBERS, COMMON_METHODS, STRING_MEMBERS
from shared.workflow.validate.code.value_marks import ValueMark
from shared.workflow.validate.references.answer_fields import AnswerFields

_MOST: Final = 20
"""Reads of a piece of code that are checked: each takes time."""
_OPEN: Final = re.compile(
    r"prototype|__proto__|\b(?:try|suppress|typeof|instanceof|isinstance|assign|update|parse|loads)\b|\btype\("
)
"""Code that expects errors, looks at types, adds fields, or reads the text as JSON itself."""
_READ: Final = {
    Language.JAVASCRIPT: re.compile(r"(?:\.|\[[\"'])(?P<name>[A-Za-z_]\w{0,40})(?![\w$])(?:[\"']\])?"),
    Language.PYTHON: re.compile(r"\[[\"'](?P<name>[A-Za-z_]\w{0,40})[\"']\]"),
}
_TESTED: Final = re.compile(r"\s*(?:[?|&)(]|[=!]==?\s*(?:null|undefined|void)\b|[-+*/%]?=(?!=)|\+\+|--)")
"""What follows a field that code tests, or gives a value."""
_MEMBERS: Final = STRING_MEMBERS | ARRAY_MEMBERS | COMMON_METHODS | {"constructor"}
_NEAR: Final = 40
"""Characters before a reference that may have an operator."""


def misread_answers(
    state: WorkflowState, answers: AnswerFields, template: CodeTemplate, marks: Sequence[ValueMark]
) -> Iterator[str]:
    """Yield each read of a field of a text, and of one that a strict response format excludes."""
    for mark in () if _OPEN.search(template.source) else islice(marks, _MOST):
        match = _READ[template.language].match(mark.text, mark.end)
        before = mark.text[max(0, mark.start - _NEAR) : mark.start].rstrip()
        if match is None or match["name"] in _MEMBERS or before.endswith(("!", "...", "==", "delete", "del")):
            continue
        name = match["name"]
        is_added = re.search(rf"\b{name}(?:[\"']\])?\s*=(?!=)", template.source)
        if is_added or _TESTED.match(mark.text, match.end()):
            continue
        if is_text(state, mark.part):
            format_of = f'Give "{state.blocks[state.ids_by_name[mark.part.name]].name}" a responseFormat'
            yield f'{mark.shown} is a text, which has no field "{name}". {format_of} with it'
        elif unknown := answers.unknown(mark.part.name, (*mark.part.path, name)):
            hint = did_you_mean(nearest(name, unknown.names)) or f" Available fields: {', '.join(unknown.names)}."
            yield f'{mark.shown} has no field "{name}".{hint}'


def is_text(state: WorkflowState, reference: Reference) -> bool:
    """Return whether a reference reads the answer of an agent without a response format."""
    target = state.block_named(reference.name)
    is_agent = target is not None and target.type == "agent" and reference.path == ("content",)
    return is_agent and target is not None and target.value("responseFormat") in (None, "", {})
