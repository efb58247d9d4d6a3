"""Problems in the connections of blocks."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.models import MAX_CONTAINER_DEPTH, Block, Edge, WorkflowState
from shared.workflow.format.problems import error, warning
from shared.workflow.format.suggestions import did_you_mean, nearest

CONNECT: Final = "Connect it after a block that runs, in a file with next, or remove it."
_MOST_SUGGESTIONS: Final = 100


def wiring_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield cycles and bad nesting (errors); blocks and edges without effect (warnings)."""
    yield from _nesting(state)
    yield from _edges(state)
    levels = [each for container, members in _levels(state).items() for each in _level(state, container, members)]
    # A block may be unreachable because an edge of a cycle has the wrong target.
    if not any(each.code == ProblemCode.CYCLE for each in levels):
        yield from _unreachable(state, catalog)
    yield from levels


def no_blocks_inside(kind: str) -> str:
    """Return the message for an empty container, a `Loop` or a `Parallel`."""
    return f"{kind} has no executable blocks inside. Add or enable at least one block in the {kind.lower()}."


def not_connected(kind: str) -> str:
    """Return the message for a container without a first block."""
    return f"{kind} start is not connected to any blocks. Connect a block to the {kind.lower()} start."


def _nesting(state: WorkflowState) -> Iterator[Problem]:
    for block in state.blocks.values():
        around = state.containers_of(block.id)
        if len(around) > MAX_CONTAINER_DEPTH or block.id in around:
            message = f'"{block.name}" lies in more than {MAX_CONTAINER_DEPTH} containers, or in itself.'
            yield error(ProblemCode.NESTED_TOO_DEEPLY, message, block)
        elif block.parent_id is not None and not around:
            yield warning(ProblemCode.LOST_BLOCK, f'The container of "{block.name}" does not exist.', block)


def _edges(state: WorkflowState) -> Iterator[Problem]:
    names = [*state.blocks, *(block.name for block in state.blocks.values())]
    suggestions = 0
    for edge in state.edges:
        missing = [end for end in (edge.source, edge.target) if end not in state.blocks]
        if missing:
            suggestions += 1
            near = nearest(missing[0], names) if suggestions <= _MOST_SUGGESTIONS else None
            suggestion = next((key for key, each in state.blocks.items() if near in (key, each.name)), None)
            source, target = state.blocks.get(edge.source), state.blocks.get(edge.target)
            ends = [f'"{each.name if each else end}"' for each, end in ((source, edge.source), (target, edge.target))]
            known = source or target
            lost = " or ".join(f'"{each}"' for each in missing)
            message = f"The edge from {' to '.join(ends)} is ignored: no block has the id {lost}."
            is_name = suggestion is not None and near != suggestion
            hint = f' Did you mean "{near}", with the id "{suggestion}"?' if is_name else did_you_mean(suggestion)
            text = f"{message}{hint}"
            yield warning(ProblemCode.DANGLING_EDGE, text, known, ("edges", edge.id), suggestion=suggestion)
        elif not _is_inside_one_container(state, edge):
            source, target = state.blocks[edge.source], state.blocks[edge.target]
            message = f'The edge from "{source.name}" to "{target.name}" crosses a container\'s border and is ignored.'
            around = state.container_of(edge.source)
            hint = f' Name a block inside "{state.blocks[around].name}".' if around in state.blocks else ""
            yield warning(ProblemCode.CROSSING_EDGE, f"{message}{hint}", source, ("edges", edge.id))


def _is_inside_one_container(state: WorkflowState, edge: Edge) -> bool:
    into = state.container_of(edge.target)
    return into in (state.container_of(edge.source), edge.source)


def _leads_out(state: WorkflowState, edge: Edge) -> bool:
    """Return whether an edge leads from a container to the outermost level, where such edges start nothing."""
    is_known = edge.source in state.blocks and edge.target in state.blocks
    return is_known and state.container_of(edge.source) is not None and state.container_of(edge.target) is None


def _unreachable(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield the first block of each unreachable part: the others follow from it, or from reported edges."""
    unreachable = unreachable_blocks(state, catalog)
    followers = {edge.target for edge in state.edges if edge.source in unreachable or _leads_out(state, edge)}
    disabled = {
        edge.target: state.blocks[edge.source].name
        for edge in state.edges
        if edge.source in state.blocks and not state.is_enabled(edge.source)
    }
    first = [block for key, block in state.blocks.items() if key in unreachable and key not in followers]
    dangling = sum(edge.source not in state.blocks or edge.target not in state.blocks for edge in state.edges)
    for block in first if len(first) > dangling else ():  # otherwise, dangling edges may be the cause
        cause = f', because "{disabled[block.id]}" is disabled.' if block.id in disabled else f". {CONNECT}"
        message = f'"{block.name}" is not reachable: it will not run{cause}'
        yield warning(ProblemCode.UNREACHABLE_BLOCK, message, block)


def unreachable_blocks(state: WorkflowState, catalog: Catalog, origins: Sequence[str] | None = None) -> Set[str]:
    """Return the enabled blocks that no start, or none of `origins`, leads to; none without a start."""
    targets: dict[str, list[str]] = {}
    for edge in state.edges:
        if not _leads_out(state, edge):
            targets.setdefault(edge.source, []).append(edge.target)
    runnable = {key for key, block in state.blocks.items() if block.type != "note" and state.is_enabled(key)}
    starts = [key for key in runnable if _is_trigger(state, key, catalog)] if origins is None else origins
    seen, queue = set(starts), deque(starts)
    while queue:
        for target in targets.get(queue.popleft(), ()):
            if target in runnable and target not in seen:
                seen.add(target)
                queue.append(target)
    return runnable - seen if starts else frozenset()


def _is_trigger(state: WorkflowState, block_id: str, catalog: Catalog) -> bool:
    block = state.blocks[block_id]
    spec = catalog.spec(block.type)
    return block.trigger_mode or (spec is not None and spec.is_trigger)


def _levels(state: WorkflowState) -> Mapping[str | None, list[str]]:
    """Return the enabled blocks of each container, and of the workflow itself under None."""
    levels: dict[str | None, list[str]] = {None: []}
    for key, block in state.blocks.items():
        if block.type != "note" and state.is_enabled(key):
            levels.setdefault(state.container_of(key), []).append(key)
            if state.is_container(key):
                levels.setdefault(key, [])
    return levels


def _level(state: WorkflowState, container: str | None, members: Sequence[str]) -> Iterator[Problem]:
    owner = state.blocks[container] if container is not None else None
    kind = "Parallel" if container in state.parallels else "Loop"
    if owner and not members:
        yield warning(ProblemCode.EMPTY_CONTAINER, f"{owner.name}: {no_blocks_inside(kind)}", owner)
    targets = _targets(state, members)
    cycle = find_cycle(targets)
    if not cycle:
        return
    entered = {target for found in targets.values() for target in found}
    if owner and entered.issuperset(members):
        yield error(ProblemCode.CONTAINER_NOT_CONNECTED, f"{owner.name}: {not_connected(kind)}", owner)
        return
    yield _cycle(state, owner, cycle, members)


def _cycle(state: WorkflowState, owner: Block | None, cycle: Sequence[str], members: Sequence[str]) -> Problem:
    """Return the problem of a cycle, at the edge that leads back to its first block."""
    around = set(cycle)
    start = cycle.index(next(key for key in members if key in around))
    keys = [*cycle[start:-1], *cycle[:start], cycle[start]]
    last, first = (state.blocks[key] for key in keys[-2:])
    edge = next(each.id for each in state.edges if (each.source, each.target) == (last.id, first.id))
    where = f'inside "{owner.name}"' if owner else "outside a loop"
    message = f"The blocks {where} form a cycle: {' → '.join(state.blocks[key].name for key in keys)}."
    fix = f'Remove the edge from "{last.name}" to "{first.name}". To repeat blocks, put them in a loop.'
    return error(ProblemCode.CYCLE, f"{message} {fix}", last, ("edges", edge))


def _targets(state: WorkflowState, members: Sequence[str]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {key: [] for key in members}
    for edge in state.edges:
        if edge.source in targets and edge.target in targets:
            targets[edge.source].append(edge.target)
    return targets


def find_cycle(targets: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a cycle as `[a, b, a]`, empty without one. Every target must be a key."""
    waiting = Counter(target for found in targets.values() for target in found)
    ready = [key for key in targets if not waiting[key]]
    done = set(ready)
    while ready:
        for target in targets[ready.pop()]:
            waiting[target] -= 1
            if not waiting[target]:
                done.add(target)
                ready.append(target)
    return _trace_back({key for key in targets if key not in done}, targets)


def _trace_back(blocked: set[str], targets: Mapping[str, Sequence[str]]) -> list[str]:
    """Follow predecessors from a block that can never start, until one repeats."""
    sources = {target: key for key in blocked for target in targets[key] if target in blocked}
    path: dict[str, None] = {}
    key = next((key for key in targets if key in blocked), None)
    while key is not None and key not in path:
        path[key] = None
        key = sources[key]
    visited = list(path)
    return [key, *reversed(visited[visited.index(key) :])] if key is not None else []
