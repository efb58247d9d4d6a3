"""Prompts with inputs as other systems write them: `{message}` or `${message}`. They stay as typed."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text, texts
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.input_fields import input_references

_PROMPTS: Final = ("messages", "systemPrompt", "userPrompt", "context", "content")
_PLACEHOLDER: Final = re.compile(r"(?<![\w{$\\])\$?\{(?P<name>[^{}]*)\}(?!\})")
_QUOTES: Final = "\"'`"


def input_placeholders(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each placeholder of a prompt without references, if all of them are inputs.

    A prompt with references or other placeholders may contain a template, or code.
    """
    inputs = input_references(state)
    for block in state.blocks.values():
        if not inputs or catalog.spec(block.type) is None or not state.is_enabled(block.id):
            continue
        for setting in _PROMPTS:
            written = "\n".join(texts(block.value(setting)))
            found = {match["name"].strip(): match for match in _PLACEHOLDER.finditer(written)}
            is_template = any(name not in inputs or _is_quoted(written, match) for name, match in found.items())
            if is_template or any(reference.path for reference in parse_text(written).references):
                continue
            for name, match in found.items():
                message = f"{block.name}: {setting}: {match[0]} stays as typed.{did_you_mean(inputs[name])}"
                yield warning(ProblemCode.UNKNOWN_REFERENCE, message, block, (setting,), suggestion=inputs[name])


def _is_quoted(text: str, match: re.Match[str]) -> bool:
    before = text[match.start() - 1 : match.start()]
    return bool(before) and before in _QUOTES
