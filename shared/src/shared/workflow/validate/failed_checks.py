"""Conditions on the verdict of guardrails whose failure ends the run before them."""

from collections.abc import Iterator

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text
from shared.workflow.validate.handles import ERROR_HANDLE


def unhandled_checks(state: WorkflowState) -> Iterator[Problem]:
    """Yield a warning for each condition that only guardrails without an error edge lead to, and that tests them."""
    handled = {edge.source for edge in state.edges if edge.source_handle == ERROR_HANDLE}
    sources: dict[str, set[str]] = {}
    for edge in state.edges:
        sources.setdefault(edge.target, set()).add(edge.source)
    for block in state.blocks.values():
        before = state.blocks.get(next(iter(sources.get(block.id, ())), ""))
        is_only = block.type == "condition" and len(sources.get(block.id, ())) == 1
        if not is_only or before is None or before.type != "guardrails" or before.id in handled:
            continue
        if not state.is_enabled(block.id) or not state.is_enabled(before.id):
            continue
        for reference in parse_text(to_string(block.value("conditions"))).references:
            verdict = {"passed": "always true", "error": "always empty"}.get(reference.path_text)
            if verdict and state.block_named(reference.name) is before:
                reason = f'a failed check of "{before.name}" ends the run. Connect its error port, on_error in a file.'
                message = f"{block.name}: {reference.raw} is {verdict}, because {reason}"
                yield warning(ProblemCode.INVALID_SETTING, message, block, ("conditions",))
                break
