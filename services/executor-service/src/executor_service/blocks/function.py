"""Runs the author's code."""

from collections.abc import Mapping
from typing import Final

import msgspec

from executor_service.blocks.ports import CodeRunner
from executor_service.blocks.values import number_of
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from executor_service.engine.binding import BoundCode, bind, unbound
from executor_service.sandbox import Script, ScriptResult
from shared.workflow.catalog.logic import code_text
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.validate.unsupported_settings import language_problem, no_sandbox_for

DEFAULT_TIMEOUT_MS: Final = 300_000
IMPORT_REFUSED: Final = (
    "JavaScript code with import statements requires a remote code sandbox to be enabled. "
    "Please remove the import statements, or contact your administrator to enable it."
)


class FunctionHandler(BlockHandler):
    """JavaScript, and Python if this host can confine it."""

    def __init__(self, runners: Mapping[Language, CodeRunner]) -> None:
        self._runners = runners

    def prepare(self, call: Call) -> Inputs:
        """Turn references into variables. Raises BlockFailure for a language unavailable here."""
        if problem := language_problem(call.block.literal("language")):
            raise BlockFailure(problem, can_retry=False)
        template = call.block.code or CodeTemplate("", Language.JAVASCRIPT)
        bound = bind(template, call.resolver)
        params: JsonObject = {"code": template.source, "language": str(template.language)}
        if "timeout" in call.block.params:
            params["timeout"] = call.resolver.render(call.block.params["timeout"])
        return Inputs(
            params,
            lambda: {"code": bound.render_for_log(), "language": str(template.language)},
            bound,
            complete=lambda: {**params, "values": dict(bound.bindings)},
        )

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Run the code, within its own time limit and the run's."""
        code = inputs.extra if isinstance(inputs.extra, BoundCode) else None
        bound = code or unbound(code_text(inputs.params.get("code")))
        language = Language(str(inputs.params.get("language") or Language.JAVASCRIPT))
        runner = self._runners.get(language)
        if runner is None:
            raise BlockFailure(no_sandbox_for(language), can_retry=False)
        if language is Language.JAVASCRIPT and bound.template.imports:
            raise BlockFailure(IMPORT_REFUSED, can_retry=False)
        result = await runner.run(
            Script(
                code=bound.program,
                shown=bound.shown,
                bindings=bound.bindings,
                environment=call.environment if bound.template.reads_environment else {},
                timeout_ms=timeout_ms(inputs.params.get("timeout"), call),
                workspace_id=call.request.workspace_id,
                owner=call.request.sandbox_owner,
            )
        )
        printed = call.redact(result.stdout) if result.stdout else ""
        return BlockResult(output_of(msgspec.structs.replace(result, stdout=printed), bound))


def timeout_ms(configured: Json, call: Call) -> int:
    """Return the time limit: the code's own, never more than the run's remaining time."""
    number = number_of(configured) or 0
    own = int(number) if 0 < number < DEFAULT_TIMEOUT_MS else DEFAULT_TIMEOUT_MS
    return max(1, min(own, int(call.remaining_seconds() * 1000)))


def output_of(result: ScriptResult, bound: BoundCode) -> JsonObject:
    """Return the code's output. Raises BlockFailure if it failed."""
    if result.error is not None:
        raise BlockFailure(bound.restore_references(result.error.message))
    if result.result is msgspec.UNSET:
        return {"stdout": result.stdout}
    return {"result": result.value(), "stdout": result.stdout}
