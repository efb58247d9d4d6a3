"""The conditions of loops."""

import logging

from executor_service.blocks.ports import ConditionRunner
from executor_service.engine import BadReference, RunRequest
from executor_service.engine.binding import bind
from executor_service.engine.sources import Resolver
from executor_service.sandbox import Conditions
from shared.workflow.code_references import CodeTemplate

_log = logging.getLogger(__name__)


class SandboxExpressions:
    """Evaluates them in the sandbox, all of one run in one context."""

    def __init__(self, sandbox: ConditionRunner) -> None:
        self._sandbox = sandbox

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Whether the expression is true; an error in it ends the loop, and is logged."""
        try:
            bound = bind(condition, resolver, literal_environment=True, literal_booleans=True)
        except BadReference as error:
            _log.warning("a loop's condition cannot be read: %s", error.message)
            return False
        verdict = await self._sandbox.evaluate(
            Conditions(
                scope=request.sandbox_scope,
                expressions=(bound.source,),
                bindings=bound.bindings,
                workspace_id=request.workspace_id,
                owner=request.sandbox_owner,
            )
        )
        if verdict.error is not None:
            _log.warning("a loop's condition failed: %s", bound.as_written(verdict.error.message))
        return verdict.matched == 0

    def forget(self, scope: str) -> None:
        """The run has ended."""
        self._sandbox.forget(scope)
