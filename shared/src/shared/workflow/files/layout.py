"""Positions for blocks without one, so that branches show side by side."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.workflow.format.js_values import JsonObject, object_of

_COLUMN: Final = 360
_ROW: Final = 200
_PADDING: Final = 100
_WIDTH: Final = 320
_HEIGHT: Final = 160


def arrange(blocks: Mapping[str, JsonObject], edges: Iterable[tuple[str, str]]) -> None:
    """Give each block without `position` one: columns follow the edges, and each branch has its row.

    Positions within a loop or parallel are relative to it, and it gets a size that holds its blocks.
    """
    children: dict[str | None, list[str]] = {}
    for key, block in blocks.items():
        parent = object_of(block.get("data")).get("parentId")
        children.setdefault(parent if isinstance(parent, str) and parent in blocks else None, []).append(key)
    links = list(edges)
    for parent in reversed([None, *blocks]):  # the innermost first, so that sizes are known
        if members := children.get(parent):
            _arrange_level(blocks, members, links, inset=0 if parent is None else _PADDING)
            if parent is not None and "position" not in blocks[parent]:
                _fit(blocks[parent], [blocks[key] for key in members])


def _arrange_level(
    blocks: Mapping[str, JsonObject], members: Sequence[str], edges: Iterable[tuple[str, str]], *, inset: int
) -> None:
    targets: dict[str, list[str]] = {key: [] for key in members}
    for source, target in edges:
        if source in targets and target in targets and target != source:
            targets[source].append(target)
    columns = _columns(targets)
    starts: dict[int, float] = {}
    x: float = inset
    for column in range(max(columns.values(), default=0) + 1):
        starts[column] = x
        widths = [_width(blocks[key]) for key in members if columns[key] == column]
        x += max(widths, default=_WIDTH) + _COLUMN - _WIDTH
    taken: dict[int, float] = {}
    wanted: dict[str, float] = {}
    fixed = [blocks[key] for key in members if "position" in blocks[key]]
    for key in sorted(members, key=lambda each: columns[each]):
        block, column = blocks[key], columns[key]
        y = max(wanted.get(key, 0), taken.get(column, 0))
        if "position" not in block:
            block["position"] = _free(starts[column], inset + y, fixed)
        taken[column] = y + max(_height(block), _HEIGHT) + _ROW - _HEIGHT
        below = y
        for target in targets[key]:
            if target not in wanted:
                wanted[target] = below
                below += _ROW


def _free(x: float, y: float, fixed: Sequence[JsonObject]) -> JsonObject:
    """Return the first place at or below a point that none of the fixed blocks takes."""
    while blocking := next((each for each in fixed if _overlaps(each, x, y)), None):
        y = _coordinate(blocking, "y") + max(_height(blocking), _HEIGHT) + _ROW - _HEIGHT
    return {"x": x, "y": y}


def _overlaps(block: JsonObject, x: float, y: float) -> bool:
    left, top = _coordinate(block, "x"), _coordinate(block, "y")
    return left - _WIDTH < x < left + _width(block) and top - _HEIGHT < y < top + _height(block)


def _columns(targets: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return each block's column: one after the last of its predecessors. Blocks in cycles stay where they are met."""
    waiting = dict.fromkeys(targets, 0)
    for found in targets.values():
        for target in found:
            waiting[target] += 1
    columns = dict.fromkeys(targets, 0)
    ready = deque(key for key, count in waiting.items() if not count)
    while ready:
        key = ready.popleft()
        for target in targets[key]:
            columns[target] = max(columns[target], columns[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return columns


def _fit(container: JsonObject, members: Sequence[JsonObject]) -> None:
    data = object_of(container.get("data"))
    right = max(_coordinate(member, "x") + _width(member) for member in members)
    bottom = max(_coordinate(member, "y") + _height(member) for member in members)
    data.setdefault("width", right + _PADDING)
    data.setdefault("height", bottom + _PADDING)
    container["data"] = data


def _width(block: JsonObject) -> float:
    return _size(block, "width") or _WIDTH


def _height(block: JsonObject) -> float:
    return _size(block, "height") or _HEIGHT


def _size(block: JsonObject, key: str) -> float | None:
    size = object_of(block.get("data")).get(key)
    return size if isinstance(size, int | float) and not isinstance(size, bool) else None


def _coordinate(block: JsonObject, axis: str) -> float:
    value = object_of(block.get("position")).get(axis)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
