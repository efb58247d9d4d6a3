"""Edges and blocks that no run follows."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.compile.graph import OPTION_PREFIX, ROUTE_PREFIX, SUCCESS_HANDLES
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import to_string
from shared.workflow.format.models import Block, Edge, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.suggestions import did_you_mean, nearest

ERROR_HANDLE: Final = "error"
_BRANCHES: Final = {"condition": ("conditions", OPTION_PREFIX), "router_v2": ("routes", ROUTE_PREFIX)}


def unknown_handles(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each edge that leaves from a handle its source does not have, or has no effect."""
    left: dict[str, int] = {}
    seen: set[tuple[str, str | None, str]] = set()
    handles = {key: branch_handles(block) for key, block in state.blocks.items()}
    for edge in state.edges:
        position = left.get(edge.source, 0)
        left[edge.source] = position + 1
        source, target = state.blocks.get(edge.source), state.blocks.get(edge.target)
        spec = catalog.spec(source.type) if source else None
        if source is None or target is None or spec is None:
            continue
        ends = (edge.source, edge.source_handle, edge.target)
        if ends in seen:
            yield _idle(source, target, edge, "is there twice. Remove one")
        seen.add(ends)
        if "note" in (source.type, target.type):
            text = "is never followed: a note does not run. Connect the blocks around it"
            yield _idle(source, target, edge, text)
        elif source.type == "router" or (source.type in _BRANCHES and not handles[edge.source]):
            continue  # any handle; or the branches are reported
        elif source.type == "response":
            cause = f'{source.name}: the edge to "{target.name}" is never followed: a response ends the run.'
            message = f"{cause} Connect a block before it, in a file with next: {target.name}."
            yield warning(ProblemCode.BLOCK_AFTER_RESPONSE, message, source, ("edges", edge.id))
        elif problem := _problem(source, spec, target, edge, position=position, branches=handles[edge.source]):
            yield problem


def _idle(source: Block, target: Block, edge: Edge, text: str) -> Problem:
    message = f'{source.name}: the edge to "{target.name}" {text}.'
    return warning(ProblemCode.INVALID_SETTING, message, source, ("edges", edge.id))


def branch_handles(block: Block) -> Mapping[str, str]:
    """Return the handles of a condition's or router's branches, each with the branch's title."""
    setting, prefix = _BRANCHES.get(block.type, ("", ""))
    branches = [each for each in parse_list(block.value(setting)) if isinstance(each, dict) and each.get("id")]
    return {f"{prefix}{to_string(branch.get('id'))}": to_string(branch.get("title") or "") for branch in branches}


def _problem(
    source: Block, spec: BlockSpec, target: Block, edge: Edge, *, position: int, branches: Mapping[str, str]
) -> Problem | None:
    handle = edge.source_handle
    if source.type in _BRANCHES:
        valid = [*branches, *([ERROR_HANDLE] if spec.has_error_port else [])]
        if handle in valid or (handle is None and position < len(branches)):
            return None
        effect = "the run follows it whichever branch is chosen" if _is_always_followed(handle) else "no run follows it"
    elif spec.is_container:
        valid = [f"{source.type}-start-source", f"{source.type}-end-source"]
        if handle is None or handle in (*valid, *SUCCESS_HANDLES):
            return None
        effect = "the run follows it as any other edge of the container"
    else:
        valid = ["source", *([ERROR_HANDLE] if spec.has_error_port else [])]
        if handle is None or handle in (*valid, *SUCCESS_HANDLES):
            return None
        never = handle == ERROR_HANDLE or not _is_always_followed(handle)
        effect = "no run follows it" if never else "the run always follows it, even after an error"
    suggestion = _suggestion(handle or "", valid, branches)
    hint = did_you_mean(suggestion) or f" Use one of: {', '.join(valid) or 'no handle'}."
    if handle == ERROR_HANDLE and spec.is_container:
        hint = " Remove the edge, on_error in a file, or let a block inside have it."
    elif handle == ERROR_HANDLE and valid == ["source"]:
        hint = " Remove the edge, on_error in a file."
    left = f'leaves from "{handle}", which this block does not have' if handle else "names no branch"
    message = f'{source.name}: the edge to "{target.name}" {left}; {effect}.{hint}'
    return warning(ProblemCode.UNKNOWN_HANDLE, message, source, ("edges", edge.id), suggestion=suggestion)


def _is_always_followed(handle: str | None) -> bool:
    return handle is None or not handle.startswith((OPTION_PREFIX, ROUTE_PREFIX))


def _suggestion(handle: str, valid: list[str], branches: Mapping[str, str]) -> str | None:
    """Return the valid handle that is meant: by its title or the end of its id, else the nearest."""
    bare = handle.removeprefix(OPTION_PREFIX).removeprefix(ROUTE_PREFIX).lower()
    for each, title in branches.items():
        if bare and (bare == title.lower() or each.lower().endswith(f"-{bare}")):
            return each
    by_title = {title: each for each, title in reversed(list(branches.items())) if title}
    by_name = {each.removeprefix(OPTION_PREFIX).removeprefix(ROUTE_PREFIX): each for each in valid}
    if found := nearest(bare, [*by_title, *by_name]):
        return by_title.get(found) or by_name[found]
    return nearest(handle, valid)
