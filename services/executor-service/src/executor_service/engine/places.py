"""Where in its loops and parallels a piece of work stands, and the names that follow from it."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from executor_service.engine.state import RunState, Scope
from shared.workflow.format.models import WorkflowState

_FIRST_BRANCH: Final = "₍0₎"


class Round(msgspec.Struct, frozen=True):
    """One container around a block, and which iteration or branch of it."""

    container_id: str
    index: int
    is_parallel: bool


class Places:
    """Reads the scopes of a run."""

    def __init__(self, workflow: WorkflowState, state: RunState) -> None:
        self._workflow = workflow
        self._state = state

    def scopes(self, scope: Scope) -> Iterator[Scope]:
        """This scope and those around it, innermost first, the root left out."""
        current = scope
        while current.container is not None:
            yield current
            current = self._state.scopes[current.parent or ""]

    def rounds(self, scope: Scope) -> tuple[Round, ...]:
        """The containers around a block of this scope, innermost first."""
        return tuple(
            Round(inner.container, inner.index, inner.container in self._workflow.parallels)
            for inner in self.scopes(scope)
            if inner.container is not None
        )


def node_name(block_id: str, rounds: tuple[Round, ...]) -> str:
    """The id of a block's copy: the block's own, with the branches of the parallels around it."""
    branches = [around.index for around in rounds if around.is_parallel]
    if not branches:
        return block_id
    branch, *outer = branches
    copy = f"__obranch-{'-'.join(map(str, outer))}" if any(outer) else ""
    return f"{block_id}{copy}₍{branch}₎"


def block_as_seen_outside(name: str) -> str:
    """The id of the block whose copy has this name, where it is the copy that counts outside: that of first branches.

    Another copy's name stays as it is.
    """
    return name.removesuffix(_FIRST_BRANCH)


def place(block_id: str, rounds: tuple[Round, ...]) -> str:
    """A name that no other execution of any block in the run has."""
    return "/".join([*(str(around.index) for around in reversed(rounds)), block_id])


def context_id(block_id: str, rounds: tuple[Round, ...]) -> str:
    """The name of a pause: unique in the run, every copy and every iteration of the block included."""
    loops = [f"_loop{around.index}" for around in reversed(rounds) if not around.is_parallel]
    return node_name(block_id, rounds) + "".join(loops)


def parent_iterations(rounds: tuple[Round, ...]) -> tuple[dict[str, Any], ...]:
    """The containers around the innermost one, outermost first, as log entries list them."""
    return tuple(
        {
            "iterationCurrent": around.index,
            "iterationType": "parallel" if around.is_parallel else "loop",
            "iterationContainerId": around.container_id,
        }
        for around in reversed(rounds[1:])
    )
