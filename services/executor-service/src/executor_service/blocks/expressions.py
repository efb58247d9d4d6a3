"""Conditions of loops."""

from executor_service.blocks.ports import ConditionRunner
from executor_service.engine import BadCondition, BadReference, RunRequest
from executor_service.engine.binding import bind, compile_variant
from executor_service.engine.resolver import Resolver
from executor_service.sandbox import Conditions
from shared.workflow.compile.code_references import CodeTemplate


class SandboxExpressions:
    """Evaluates conditions in the sandbox."""

    def __init__(self, sandbox: ConditionRunner) -> None:
        self._sandbox = sandbox

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Return whether the expression is true.

        Raises BadCondition, with the author's text; SandboxBusy, SandboxUnavailable.
        """
        try:
            await compile_variant(condition, resolver, request.workspace_id)
            bound = bind(condition, resolver, literal_environment=True, literal_booleans=True)
        except BadReference as error:
            raise BadCondition(error.message) from error
        verdict = await self._sandbox.evaluate(
            Conditions(
                expressions=(bound.program,),
                shown=(bound.shown,),
                bindings=bound.bindings,
                workspace_id=request.workspace_id,
                owner=request.sandbox_owner,
            )
        )
        if verdict.error is not None:
            raise BadCondition(bound.restore_references(verdict.error.message))
        return verdict.matched == 0
