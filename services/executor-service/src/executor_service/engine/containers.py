"""Decisions of loops and parallels: the iterations, and whether to continue."""

from collections.abc import Mapping
from typing import NamedTuple

from executor_service.engine.errors import BadCondition, ContainerFailure, http_status_of
from executor_service.engine.iterations import opening_for_count, opening_for_items
from executor_service.engine.limits import Limits
from executor_service.engine.ports import Expressions
from executor_service.engine.request import RunRequest
from executor_service.engine.resolver import Resolver
from executor_service.engine.state import Opening
from shared.errors import FlowportError
from shared.workflow.compile.compiler import CompiledLoop, CompiledParallel, CompiledWorkflow
from shared.workflow.compile.graph import Graph
from shared.workflow.compile.wiring import no_blocks_inside
from shared.workflow.validate.unsupported_settings import unknown_kind


class LoopDecision(NamedTuple):
    """Whether a loop continues; if not, the problem in its condition, if any."""

    again: bool
    problem: str | None = None


class Containers:
    """Decisions for the loops and parallels of one run."""

    def __init__(
        self, workflow: CompiledWorkflow, graph: Graph, expressions: Expressions, limits: Limits, request: RunRequest
    ) -> None:
        self._loops: Mapping[str, CompiledLoop] = workflow.loops
        self._parallels: Mapping[str, CompiledParallel] = workflow.parallels
        self._blocks = workflow.state.blocks
        self._graph = graph
        self._expressions = expressions
        self._limits = limits
        self._request = request

    def open(self, block_id: str, resolver: Resolver) -> Opening:
        """Return what a reached container iterates over. Raises ContainerFailure."""
        is_parallel = block_id in self._parallels
        if not self._graph.bodies[block_id].nodes:
            raise ContainerFailure(no_blocks_inside("Parallel" if is_parallel else "Loop"))
        opening = self._branches(block_id, resolver) if is_parallel else self._rounds(block_id, resolver)
        if opening.total is not None and opening.total > self._limits.iterations:
            raise self._too_many(block_id)
        return opening

    async def again(self, block_id: str, index: int, resolver: Resolver) -> LoopDecision:
        """Return whether a conditional loop runs its iteration `index`.

        Raises ContainerFailure at the limit, and if the condition cannot be evaluated.
        """
        condition = self._loops[block_id].condition
        try:
            again = condition is not None and await self._expressions.holds(condition, resolver, self._request)
        except BadCondition as error:
            return LoopDecision(again=False, problem=error.message)
        except FlowportError as error:
            message = f"{self._blocks[block_id].name}: {error.message}"
            raise ContainerFailure(message, http_status=http_status_of(error)) from error
        if again and index >= self._limits.iterations:
            raise self._too_many(block_id)
        return LoopDecision(again)

    def _branches(self, block_id: str, resolver: Resolver) -> Opening:
        parallel = self._parallels[block_id]
        if parallel.config.parallel_type == "count":
            return opening_for_count(parallel.config.count, f"{self._blocks[block_id].name}: Parallel")
        return opening_for_items(parallel.items, resolver, is_parallel=True)

    def _rounds(self, block_id: str, resolver: Resolver) -> Opening:
        loop = self._loops[block_id]
        match loop.config.loop_type:
            case "forEach":
                return opening_for_items(loop.items, resolver, is_parallel=False)
            case "while":
                return Opening(None, check_first=True)
            case "doWhile" if loop.condition is not None:
                return Opening(None)
            case "for" | "doWhile":
                return opening_for_count(loop.config.iterations, f"{self._blocks[block_id].name}: Loop")
            case unknown:
                raise ContainerFailure(unknown_kind(unknown))

    def _too_many(self, block_id: str) -> ContainerFailure:
        limit = self._limits.iterations
        return ContainerFailure(
            f"{self._blocks[block_id].name}: The loop or parallel exceeds the limit of {limit} iterations"
        )
