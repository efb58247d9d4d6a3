"""Comparisons with values that an output never has: titles of routes, and statuses of failed requests."""

from collections import Counter
from collections.abc import Iterator, Sequence

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import object_of, to_number, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import Reference
from shared.workflow.format.suggestions import nearest
from shared.workflow.validate.code.comparisons import Comparison, is_only_compared
from shared.workflow.validate.code.value_marks import ValueMark


def impossible_values(
    state: WorkflowState, language: Language, comparisons: Sequence[Comparison], marks: Sequence[ValueMark]
) -> Iterator[str]:
    """Yield the first comparison of each output that code reads only for comparisons which never hold."""
    found: dict[Reference, list[Comparison]] = {}
    for each in comparisons:
        found.setdefault(each.part, []).append(each)
    reads = Counter(mark.part for mark in marks)
    for part, compared in found.items():
        target = state.block_named(part.name)
        problems = [_problem(target, each, language) for each in compared] if target else []
        if problems and problems[0] and all(problems) and is_only_compared(compared, reads):
            yield problems[0]


def _problem(target: Block, compared: Comparison, language: Language) -> str | None:
    match target.type, compared.part.path, compared.kind:
        case "router_v2", ("selectedRoute",), "string":
            return _title(target, compared, language)
        case "api" | "webhook_request", ("status",), "number" if compared.is_equality:
            return _failed(compared)
    return None


def _title(router: Block, compared: Comparison, language: Language) -> str | None:
    routes = [object_of(each) for each in parse_list(router.value("routes"))]
    ids = [to_string(each.get("id") or "") for each in routes]
    titles = [to_string(each.get("title") or "") for each in routes]
    meant = nearest(compared.literal, titles)
    if meant is None or compared.literal in ids:
        return None
    number = titles.index(meant)
    end, method = f"-route-{number + 1}", "endswith" if language is Language.PYTHON else "endsWith"
    is_numbered = ids[number] == f"{router.id}{end}"  # the id of the block may differ on each server
    fix = f'{compared.part.raw}.{method}("{end}")' if is_numbered else f'"{ids[number]}"'
    return f"{compared.shown} is the id of a route, and never a title. For {meant}, write {fix}"


def _failed(compared: Comparison) -> str | None:
    if 200 <= to_number(compared.literal) < 300:  # of a success
        return None
    cause = f"{compared.shown} is never {compared.literal}, because other answers than 2xx fail the block"
    return f"{cause}. Handle them in on_error: <{compared.part.root}.error> is the reason"
