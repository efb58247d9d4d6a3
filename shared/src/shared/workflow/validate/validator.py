"""All problems of a workflow."""

from collections.abc import Iterator, Sequence, Set
from itertools import islice
from typing import Final

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.contracts.runs import Trigger
from shared.workflow.catalog import Catalog, UnsupportedBlock, installed_catalog
from shared.workflow.catalog.replacements import replacement_for
from shared.workflow.catalog.synonyms import TYPE_SYNONYMS, type_word
from shared.workflow.catalog.triggers import START, UNSERVED_TRIGGERS, service_of
from shared.workflow.compile.agent_tools import agent_tool_problems
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.parameters import NO_PROVIDERS, empty_fields, missing_fields, missing_fields_message
from shared.workflow.compile.wiring import wiring_problems
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.notifications import notification_problems
from shared.workflow.format.problems import error, warning
from shared.workflow.format.start import (
    NO_START_BLOCK,
    ReservedInputField,
    api_starts,
    choose_start,
    start_output,
    unserved_triggers,
)
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate import code, names, secrets, settings
from shared.workflow.validate.findings import MOST_OF_A_KIND, Checked
from shared.workflow.validate.graph import unknown_handles
from shared.workflow.validate.references import references_of
from shared.workflow.validate.unsupported_settings import unsupported_settings

RULES: Final = (*names.RULES, *settings.RULES, *code.RULES, *secrets.RULES)
"""Rules whose documentation is generated from their table."""
_NOT_SERVED: Final = "schedules and webhook triggers are not served here, only calls are"
_FROM_ELSEWHERE: Final = "the workflow from cron, CI or the other service."
_STARTS: Final = frozenset({START.type, *UNSERVED_TRIGGERS})


def problems(
    workflow: CompiledWorkflow, *, catalog: Catalog | None = None, keyed_providers: Set[str] = NO_PROVIDERS
) -> list[Problem]:
    """Return the errors, which prevent deployment, then the warnings.

    `keyed_providers` are the model providers that the server has an API key for. The catalog defaults to that of this
    Python environment.
    """
    state, known = workflow.state, catalog or installed_catalog()
    checked = Checked(workflow, tuple(references_of(workflow)))
    blocks = list(_blocks(state, known, keyed_providers))
    is_start_misnamed = any(problem.suggestion in _STARTS for problem in blocks)
    found = [
        *(each for each in _starts(state) if not (is_start_misnamed and each.code == ProblemCode.NO_START_BLOCK)),
        *blocks,
        *wiring_problems(state, known),
        *_left_out(state),
        *islice(unknown_handles(state, known), MOST_OF_A_KIND),
        *(problem for rule in RULES for problem in rule.problems(checked)),
    ]
    return sorted(found, key=lambda problem: problem.severity is not Severity.ERROR)


def _starts(state: WorkflowState) -> Iterator[Problem]:
    start = choose_start(state) or choose_start(state, Trigger.CHAT)
    unserved = [(block, _unserved(block)) for block in unserved_triggers(state)]
    if start is None:
        yield error(ProblemCode.NO_START_BLOCK, " ".join([NO_START_BLOCK, *(text for _, text in unserved)]))
        return
    try:
        start_output(start, {})
    except ReservedInputField as refused:
        yield error(ProblemCode.UNSUPPORTED_SETTING, refused.message, start, ("inputFormat",))
    for block, message in unserved:
        yield warning(ProblemCode.UNSERVED_TRIGGER, message, block)
    if others := [block.name for block in api_starts(state) if block.id != start.id]:
        message = f'Several start blocks: API calls start at "{start.name}", never at {", ".join(others)}. Keep one.'
        yield warning(ProblemCode.SEVERAL_STARTS, message, start)


def _unserved(block: Block) -> str:
    return f'Nothing will fire "{block.name}": {_NOT_SERVED}. Call {_FROM_ELSEWHERE}'


def _left_out(state: WorkflowState) -> Iterator[Problem]:
    for block in state.left_out:
        message = f"{block.name}: {block.type} exists only on the server where it was created, and is left out."
        yield warning(ProblemCode.UNKNOWN_BLOCK_TYPE, message, block)


def _blocks(state: WorkflowState, catalog: Catalog, keyed_providers: Set[str]) -> Iterator[Problem]:
    searches = 0
    for block in state.blocks.values():
        if not state.is_enabled(block.id):
            continue
        spec = catalog.find(block.type)
        if isinstance(spec, UnsupportedBlock):
            searches += 1
            yield _refused(block, spec, catalog.types if searches <= MOST_OF_A_KIND else ())
        elif not spec.is_trigger and (missing := missing_fields(empty_fields(block, spec), keyed_providers)):
            message = missing_fields_message(block.name, missing)
            yield error(ProblemCode.MISSING_FIELDS, message, block, tuple(missing))
        if block.type == "agent":
            yield from agent_tool_problems(block, catalog)
        elif block.type == "human_in_the_loop":
            yield from notification_problems(block)
        yield from unsupported_settings(block)


def _refused(block: Block, refusal: UnsupportedBlock, types: Sequence[str]) -> Problem:
    is_unknown = refusal.reason is ProblemCode.UNKNOWN_BLOCK_TYPE and replacement_for(block.type) is None
    suggestion = (TYPE_SYNONYMS.get(type_word(block.type)) or nearest(block.type, types)) if is_unknown else None
    if suggestion and (service := service_of(block.type)) and not nearest(service, [service_of(suggestion) or ""]):
        suggestion = None
    message = f"Invalid block type: {block.type}.{did_you_mean(suggestion)}" if suggestion else refusal.message
    if suggestion in UNSERVED_TRIGGERS and TYPE_SYNONYMS.get(type_word(block.type)) == suggestion:
        fix = f"Remove it or write type: start, and call {_FROM_ELSEWHERE}"
        message = f"Invalid block type: {block.type}; {_NOT_SERVED}. {fix}"
    return error(refusal.reason, f"{block.name}: {message}", block, ("type",), suggestion=suggestion)
