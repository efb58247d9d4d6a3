"""Takes the first path whose expression is true."""

from typing import Final

from executor_service.blocks.ports import ConditionRunner
from executor_service.engine import BadReference, BlockFailure, BlockHandler, BlockResult, Call, Inputs
from executor_service.engine.binding import BoundCode, bind, compile_variant
from executor_service.sandbox import Conditions
from shared.workflow.compile.blocks import CompiledBlock, Option
from shared.workflow.compile.code_references import CONTEXT_OBJECT
from shared.workflow.compile.graph import EdgeCondition
from shared.workflow.format.js_values import JsonObject

_OMITTED_FIELDS: Final = frozenset(
    {"_pauseMetadata", "error", "providerTiming", "tokens", "toolCalls", "model", "cost"}
)


class ConditionHandler(BlockHandler):
    """Evaluates expressions in order; those after the first true one are ignored."""

    def __init__(self, sandbox: ConditionRunner) -> None:
        self._sandbox = sandbox

    def prepare(self, call: Call) -> Inputs:
        """Resolve no references yet: an earlier expression may be true before a later one can fail."""
        return Inputs({}, lambda: {"conditions": [_logged_option(option) for option in call.block.options]})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Evaluate, and pass on the source's output."""
        if call.block.options_problem is not None:
            raise BlockFailure(call.block.options_problem)
        source = _source_output(call)
        matched = await self._first_true(call, source)
        target = None if matched is None else call.target_of(EdgeCondition.ON_OPTION, matched.id)
        return BlockResult(
            {
                **{key: value for key, value in source.items() if key not in _OMITTED_FIELDS},
                "conditionResult": matched is not None,
                "selectedPath": None if target is None else path_to(target),
                "selectedOption": None if matched is None else matched.id,
            }
        )

    async def _first_true(self, call: Call, source: JsonObject) -> Option | None:
        options = call.block.options
        bound: list[BoundCode] = []
        problem: BadReference | None = None
        for option in options:
            if _is_else(option):
                break
            try:
                await compile_variant(option.code, call.resolver, call.request.workspace_id)
                bound.append(bind(option.code, call.resolver, literal_environment=True))
            except BadReference as error:
                problem = error.with_traceback(None)  # the traceback refers to this frame
                break
        matched = await self._evaluate(call, source, bound)
        if matched is None and problem is not None:
            raise _failure(options[len(bound)], problem.message, http_status=problem.http_status, can_retry=False)
        if matched is None and len(bound) < len(options):
            return options[len(bound)]
        return None if matched is None else options[matched]

    async def _evaluate(self, call: Call, source: JsonObject, bound: list[BoundCode]) -> int | None:
        if not any(code.program.strip() for code in bound):
            return None
        bindings = {name: value for code in bound for name, value in code.bindings.items()}
        if any(code.template.reads_context for code in bound):
            bindings[CONTEXT_OBJECT] = source
        verdict = await self._sandbox.evaluate(
            Conditions(
                expressions=[code.program for code in bound],
                shown=[code.shown for code in bound],
                bindings=bindings,
                workspace_id=call.request.workspace_id,
                owner=call.request.sandbox_owner,
            )
        )
        if verdict.error is not None:
            failed = verdict.failed or 0
            raise _failure(call.block.options[failed], bound[failed].restore_references(verdict.error.message))
        return verdict.matched


def path_to(target: CompiledBlock) -> JsonObject:
    """Return a chosen path for outputs."""
    return {"blockId": target.id, "blockType": target.type, "blockTitle": target.name}


def _source_output(call: Call) -> JsonObject:
    first = call.node.first_source
    return (call.resolver.output_of(first) or {}) if first is not None else {}


def _is_else(option: Option) -> bool:
    return option.title.strip().lower() == "else"


def _logged_option(option: Option) -> JsonObject:
    return {"id": option.id, "title": option.title, "value": option.text}


def _failure(option: Option, message: str, *, http_status: int | None = None, can_retry: bool = True) -> BlockFailure:
    text = f'Evaluation error in condition "{option.title}": {message}'
    return BlockFailure(text, http_status=http_status, can_retry=can_retry)
