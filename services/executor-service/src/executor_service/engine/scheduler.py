"""Scheduling of nodes: a state machine over `RunState`, without I/O.

The cost of a call depends on the number of edges that it decides, not on the size of the workflow.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from executor_service.engine.positions import Iteration, ScopePositions
from executor_service.engine.state import Container, Opening, Output, RunState, Scope, Step, Work
from shared.workflow.compile.graph import Edge, EdgeCondition, Graph, Node
from shared.workflow.format.js_values import truthy
from shared.workflow.format.models import WorkflowState

ROOT: Final = ""


@dataclass(frozen=True, slots=True)
class Exit:
    """A finished container: its position and output."""

    block_id: str
    iterations: tuple[Iteration, ...]
    output: Output
    started_at: datetime


class Scheduler:
    """Scheduler of one graph. `ready` in the state lists what may start; each piece of work is settled exactly once.

    `exits` collects finished containers; its reader empties it.
    """

    def __init__(self, workflow: WorkflowState, graph: Graph, state: RunState) -> None:
        self._workflow = workflow
        self._graph = graph
        self._state = state
        self._positions = ScopePositions(workflow, state)
        self.exits: list[Exit] = []

    def begin(self) -> None:
        """Make the root's entry nodes ready."""
        self._state.frames.setdefault(ROOT, {})
        self._start(self._enter(ROOT, container=None, parent=None, frame=ROOT))

    def take_ready(self) -> list[Work]:
        """Return all ready work, which then counts as running."""
        ready, self._state.ready = self._state.ready, []
        for work in ready:
            self._state.running[work.key] = work
        return ready

    def node(self, work: Work) -> Node:
        """Return the node of a piece of work."""
        return self._graph.body(self._state.scopes[work.scope].container).nodes[work.node]

    def complete(self, work: Work, output: Output) -> None:
        """Complete a block; its output, or an error that an edge handles, decides what follows."""
        self._state.running.pop(work.key, None)
        scope = self._state.scopes[work.scope]
        node = self._graph.body(scope.container).nodes[work.node]
        self._finish_node(scope, node, output, output)

    def settle(self, work: Work, output: Output) -> None:
        """Complete a block of an ended run, without successors."""
        self._state.running.pop(work.key, None)
        scope = self._state.scopes[work.scope]
        self._state.frames[scope.frame][self._graph.body(scope.container).nodes[work.node].block_id] = output

    def open(self, work: Work, opening: Opening, at: datetime) -> None:
        """Start a container's iterations."""
        self._state.running.pop(work.key, None)
        block_id = self.node(work).block_id
        container = Container(block_id, work.scope, work.node, at, opening.total, opening.items)
        self._state.containers[_container_key(work.scope, block_id)] = container
        if opening.total == 0:
            self._exit(container, iterations=0)
        elif self._is_parallel(block_id):
            container.results = [[] for _ in range(opening.total or 0)]
            self._start_batch(container)
        else:
            frame = self._state.scopes[work.scope].frame
            scope = self._enter(_loop_key(container), container=block_id, parent=work.scope, frame=frame)
            self._start_iteration(container, scope, ask=opening.check_first)

    def check(self, work: Work, *, again: bool) -> None:
        """Continue or end a conditional loop."""
        self._state.running.pop(work.key, None)
        container = self._state.containers[_container_key(work.scope, self.node(work).block_id)]
        scope = self._state.scopes[_loop_key(container)]
        if again:
            self._start(scope)
        else:
            self._exit(container, iterations=scope.index)

    def _is_parallel(self, block_id: str) -> bool:
        return block_id in self._workflow.parallels

    def _enter(self, key: str, *, container: str | None, parent: str | None, frame: str, index: int = 0) -> Scope:
        scope = Scope(key, container, parent, frame, [], [], index=index)
        self._state.scopes[key] = scope
        return scope

    def _start(self, scope: Scope) -> None:
        body = self._graph.body(scope.container)
        scope.remaining, scope.live, scope.results = list(body.in_degrees), [0] * len(body.nodes), []
        for entry in body.entries:
            self._make_ready(scope, entry)

    def _start_iteration(self, container: Container, scope: Scope, *, ask: bool) -> None:
        if ask:
            self._state.ready.append(Work(Step.CHECK, container.scope, container.node))
        else:
            self._start(scope)

    def _make_ready(self, scope: Scope, index: int) -> None:
        block_id = self._graph.body(scope.container).nodes[index].block_id
        step = Step.OPEN if self._workflow.is_container(block_id) else Step.RUN
        scope.pending += 1
        self._state.ready.append(Work(step, scope.key, index))

    def _finish_node(self, scope: Scope, node: Node, output: Output, final: Output) -> None:
        self._state.frames[scope.frame][node.block_id] = output
        if scope.container is not None:
            scope.results.append(output)
        elif node.is_terminal:
            self._state.final = final
        self._decide(scope, node, output)
        scope.pending -= 1
        if scope.pending == 0 and scope.container is not None:
            self._finish_scope(scope)

    def _decide(self, scope: Scope, node: Node, output: Output) -> None:
        nodes = self._graph.body(scope.container).nodes
        undecided: list[tuple[Edge, bool]] = [(edge, _is_taken(edge, output)) for edge in node.edges]
        for edge, taken in undecided:
            scope.remaining[edge.target] -= 1
            scope.live[edge.target] |= taken
            if scope.remaining[edge.target]:
                continue
            if scope.live[edge.target]:
                self._make_ready(scope, edge.target)
            else:
                undecided.extend((dead, False) for dead in nodes[edge.target].edges)

    def _finish_scope(self, scope: Scope) -> None:
        container = self._state.containers[_container_key(scope.parent or ROOT, scope.container or "")]
        if self._is_parallel(container.block_id):
            self._finish_branch(container, scope)
        else:
            self._finish_iteration(container, scope)

    def _finish_iteration(self, container: Container, scope: Scope) -> None:
        if scope.results:
            container.results.append(scope.results)
        scope.index += 1
        if container.total is None or scope.index < container.total:
            self._start_iteration(container, scope, ask=container.total is None)
        else:
            self._exit(container, iterations=scope.index)

    def _start_batch(self, container: Container) -> None:
        size = self._workflow.parallels[container.block_id].batch_size
        first, total = container.next_branch, container.total or 0
        container.next_branch = min(first + size, total)
        container.open_branches = container.next_branch - first
        for index in range(first, container.next_branch):
            key = _branch_key(container, index)
            self._state.frames[key] = {}
            branch = self._enter(key, container=container.block_id, parent=container.scope, frame=key, index=index)
            self._start(branch)

    def _finish_branch(self, container: Container, scope: Scope) -> None:
        container.results[scope.index] = scope.results
        container.open_branches -= 1
        del self._state.scopes[scope.key]
        if scope.index:
            del self._state.frames[scope.key]
        if container.open_branches:
            return
        if container.next_branch < (container.total or 0):
            self._start_batch(container)
        else:
            self._exit(container, iterations=container.next_branch)

    def _exit(self, container: Container, *, iterations: int) -> None:
        scope = self._state.scopes[container.scope]
        node = self._graph.body(scope.container).nodes[container.node]
        if self._is_parallel(container.block_id):
            first_branch = self._state.frames.pop(_branch_key(container, 0), {})
            self._state.frames[scope.frame].update(first_branch)
        else:
            self._state.scopes.pop(_loop_key(container), None)
        del self._state.containers[_container_key(container.scope, container.block_id)]
        output: Output = {"results": container.results}
        self.exits.append(Exit(container.block_id, self._positions.iterations(scope), output, container.opened_at))
        self._finish_node(scope, node, output, self._exit_output(container, iterations))

    def _exit_output(self, container: Container, iterations: int) -> Output:
        if self._is_parallel(container.block_id):
            exit_marks: Output = {"sentinelEnd": True, "selectedRoute": "parallel_exit", "totalBranches": iterations}
        else:
            exit_marks = {
                "shouldContinue": False,
                "shouldExit": True,
                "selectedRoute": "loop_exit",
                "totalIterations": iterations,
            }
        return {"results": container.results, **exit_marks}


def _is_taken(edge: Edge, output: Output) -> bool:
    match edge.fires:
        case EdgeCondition.ALWAYS:
            return True
        case EdgeCondition.ON_SUCCESS:
            return not truthy(output.get("error"))
        case EdgeCondition.ON_ERROR:
            return truthy(output.get("error"))
        case EdgeCondition.ON_OPTION:
            return output.get("selectedOption") == edge.choice
        case EdgeCondition.ON_ROUTE:
            return output.get("selectedRoute") == edge.choice


def _container_key(scope: str, block_id: str) -> str:
    return f"{scope}{block_id}"


def _loop_key(container: Container) -> str:
    return f"{container.scope}{container.block_id}/"


def _branch_key(container: Container, index: int) -> str:
    return f"{container.scope}{container.block_id}:{index}/"
