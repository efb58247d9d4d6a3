"""Positions of work in loops and parallels, and the names derived from them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from executor_service.engine.state import RunState, Scope
from shared.workflow.format.models import WorkflowState

_FIRST_BRANCH: Final = "₍0₎"


class Iteration(msgspec.Struct, frozen=True):
    """A container around a block, with its iteration or branch."""

    container_id: str
    index: int
    is_parallel: bool


class ScopePositions:
    """Reads the scopes of a run."""

    def __init__(self, workflow: WorkflowState, state: RunState) -> None:
        self._workflow = workflow
        self._state = state

    def scopes(self, scope: Scope) -> Iterator[Scope]:
        """Yield this scope and its parents, innermost first, without the root."""
        current = scope
        while current.container is not None:
            yield current
            current = self._state.scopes[current.parent or ""]

    def iterations(self, scope: Scope) -> tuple[Iteration, ...]:
        """Return the containers around a block of this scope, innermost first."""
        return tuple(
            Iteration(inner.container, inner.index, inner.container in self._workflow.parallels)
            for inner in self.scopes(scope)
            if inner.container is not None
        )


def block_copy_id(block_id: str, iterations: tuple[Iteration, ...]) -> str:
    """Return the id of a block's copy: the block's own, with the branches of the parallels around it."""
    branches = [enclosing.index for enclosing in iterations if enclosing.is_parallel]
    if not branches:
        return block_id
    branch, *outer = branches
    copy = f"__obranch-{'-'.join(map(str, outer))}" if any(outer) else ""
    return f"{block_id}{copy}₍{branch}₎"


def visible_block_id(name: str) -> str:
    """Return the block's id if this is the copy visible outside: that of first branches.

    Other copies' names stay unchanged.
    """
    return name.removesuffix(_FIRST_BRANCH)


def execution_path(block_id: str, iterations: tuple[Iteration, ...]) -> str:
    """Return a name unique among all block executions in the run."""
    if not iterations:
        return block_id
    return "/".join([*(str(enclosing.index) for enclosing in reversed(iterations)), block_id])


def context_id(block_id: str, iterations: tuple[Iteration, ...]) -> str:
    """Return the name of a pause, unique among all copies and iterations in the run."""
    loops = [f"_loop{enclosing.index}" for enclosing in reversed(iterations) if not enclosing.is_parallel]
    return block_copy_id(block_id, iterations) + "".join(loops)


def parent_iterations(iterations: tuple[Iteration, ...]) -> tuple[dict[str, Any], ...]:
    """Return the containers around the innermost one, outermost first, for log entries."""
    return tuple(
        {
            "iterationCurrent": enclosing.index,
            "iterationType": "parallel" if enclosing.is_parallel else "loop",
            "iterationContainerId": enclosing.container_id,
        }
        for enclosing in reversed(iterations[1:])
    )
