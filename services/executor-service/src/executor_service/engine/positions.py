"""Positions of work in loops and parallels, and the names derived from them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from executor_service.engine.state import RunState, Scope
from shared.workflow.format.models import WorkflowState

_FIRST_BRANCH: Final = "₍0₎"


class Round(msgspec.Struct, frozen=True):
    """A container around a block, with its iteration or branch."""

    container_id: str
    index: int
    is_parallel: bool


class Places:
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

    def rounds(self, scope: Scope) -> tuple[Round, ...]:
        """Return the containers around a block of this scope, innermost first."""
        return tuple(
            Round(inner.container, inner.index, inner.container in self._workflow.parallels)
            for inner in self.scopes(scope)
            if inner.container is not None
        )


def node_name(block_id: str, rounds: tuple[Round, ...]) -> str:
    """Return the id of a block's copy: the block's own, with the branches of the parallels around it."""
    branches = [around.index for around in rounds if around.is_parallel]
    if not branches:
        return block_id
    branch, *outer = branches
    copy = f"__obranch-{'-'.join(map(str, outer))}" if any(outer) else ""
    return f"{block_id}{copy}₍{branch}₎"


def block_as_seen_outside(name: str) -> str:
    """Return the block's id if this is the copy visible outside: that of first branches.

    Other copies' names stay unchanged.
    """
    return name.removesuffix(_FIRST_BRANCH)


def place(block_id: str, rounds: tuple[Round, ...]) -> str:
    """Return a name unique among all block executions in the run."""
    return "/".join([*(str(around.index) for around in reversed(rounds)), block_id])


def context_id(block_id: str, rounds: tuple[Round, ...]) -> str:
    """Return the name of a pause, unique among all copies and iterations in the run."""
    loops = [f"_loop{around.index}" for around in reversed(rounds) if not around.is_parallel]
    return node_name(block_id, rounds) + "".join(loops)


def parent_iterations(rounds: tuple[Round, ...]) -> tuple[dict[str, Any], ...]:
    """Return the containers around the innermost one, outermost first, for log entries."""
    return tuple(
        {
            "iterationCurrent": around.index,
            "iterationType": "parallel" if around.is_parallel else "loop",
            "iterationContainerId": around.container_id,
        }
        for around in reversed(rounds[1:])
    )
