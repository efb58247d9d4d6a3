"""Changes between two states, for people; and whether a draft differs from the live version."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.contracts.changes import Change, ChangeKind
from shared.workflow.compile.graph import OPTION_PREFIX, ROUTE_PREFIX, SUCCESS_HANDLES
from shared.workflow.diff.comparison import ComparableBlock, ComparableState, EdgeKey, comparable, same
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject

_BRANCHES: Final = {"condition": ("conditions", OPTION_PREFIX), "router_v2": ("routes", ROUTE_PREFIX)}
"""The setting with a block's branches, and the prefix of their handles."""


def changes(before: JsonObject, after: JsonObject) -> list[Change]:
    """Return all differences between two states, in block order; raises InvalidWorkflow."""
    return list(_changes(comparable(before), comparable(after)))


def needs_redeployment(draft: JsonObject, live: JsonObject | None) -> bool:
    """Return whether deploying the draft would change execution; never if nothing is live. Raises InvalidWorkflow."""
    return live is not None and any(True for _ in _changes(comparable(live), comparable(draft)))


def _changes(before: ComparableState, after: ComparableState) -> Iterator[Change]:
    for key in _keys(before.blocks, after.blocks):
        yield from _block(key, before.blocks.get(key), after.blocks.get(key))
    for key in _keys(before.containers, after.containers):
        if key in before.blocks and key in after.blocks:
            yield from _container(key, before.containers.get(key, {}), after.containers.get(key, {}), after)
    yield from _edges(before, after)
    for key in _keys(before.variables, after.variables):
        yield from _variable(before.variables.get(key), after.variables.get(key))


def _keys(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return [*after, *(key for key in before if key not in after)]


def _block(key: str, before: ComparableBlock | None, after: ComparableBlock | None) -> Iterator[Change]:
    if before is None or after is None:
        yield from _one_sided(key, before, after)
        return
    if before.name != after.name:
        yield Change(
            kind=ChangeKind.BLOCK_RENAMED,
            summary=f'Renamed "{before.name}" to "{after.name}"',
            block_id=key,
            block_name=after.name,
            field="name",
            before=before.name,
            after=after.name,
        )
    for old, new in (
        ({**before.fields, "name": None}, {**after.fields, "name": None}),
        (before.settings, after.settings),
        (before.data, after.data),
    ):
        yield from _fields(ChangeKind.BLOCK_CHANGED, key, after.name, old, new)


def _one_sided(key: str, before: ComparableBlock | None, after: ComparableBlock | None) -> Iterator[Change]:
    if after is not None:
        kind, summary, name = ChangeKind.BLOCK_ADDED, f'Added "{after.name}"', after.name
        yield Change(kind=kind, summary=summary, block_id=key, block_name=name)
    elif before is not None:
        kind, summary, name = ChangeKind.BLOCK_REMOVED, f'Removed "{before.name}"', before.name
        yield Change(kind=kind, summary=summary, block_id=key, block_name=name)


def _container(key: str, before: JsonObject, after: JsonObject, state: ComparableState) -> Iterator[Change]:
    yield from _fields(ChangeKind.CONTAINER_CHANGED, key, state.blocks[key].name, before, after)


def _fields(
    kind: ChangeKind, block_id: str | None, name: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> Iterator[Change]:
    for field in _keys(before, after):
        old, new = before.get(field), after.get(field)
        if not same(old, new):
            yield Change(
                kind=kind,
                summary=f'Changed {field} of "{name}"',
                block_id=block_id,
                block_name=name if block_id else None,
                field=field,
                before=old,
                after=new,
            )


def _edges(before: ComparableState, after: ComparableState) -> Iterator[Change]:
    for edge in sorted(after.edges - before.edges):
        yield Change(kind=ChangeKind.EDGE_ADDED, summary=f"Connected {_describe(edge, after)}")
    for edge in sorted(before.edges - after.edges):
        yield Change(kind=ChangeKind.EDGE_REMOVED, summary=f"Disconnected {_describe(edge, before)}")


def _describe(edge: EdgeKey, state: ComparableState) -> str:
    source, handle, target, _ = edge
    names = [f'"{state.blocks[end].name}"' if end in state.blocks else f'"{end}"' for end in (source, target)]
    title = _titles(state.blocks[source]).get(handle, handle) if source in state.blocks else handle
    way = f" ({title})" if handle and handle not in SUCCESS_HANDLES else ""
    return f"{names[0]}{way} to {names[1]}"


def _titles(block: ComparableBlock) -> Mapping[str, str]:
    """Return the author's titles of a block's branches, by handle."""
    setting, prefix = _BRANCHES.get(str(block.fields["type"]), ("", ""))
    return {
        f"{prefix}{branch.get('id')}": str(branch.get("title") or f"Route {number}")
        for number, branch in enumerate(parse_list(block.settings.get(setting)), 1)
        if isinstance(branch, dict)
    }


def _variable(before: JsonObject | None, after: JsonObject | None) -> Iterator[Change]:
    if before is None and after is not None:
        yield Change(kind=ChangeKind.VARIABLE_ADDED, summary=f'Added variable "{after["name"]}"')
    elif after is None and before is not None:
        yield Change(kind=ChangeKind.VARIABLE_REMOVED, summary=f'Removed variable "{before["name"]}"')
    elif before is not None and after is not None:
        yield from _fields(ChangeKind.VARIABLE_CHANGED, None, f"variable {after['name']}", before, after)
