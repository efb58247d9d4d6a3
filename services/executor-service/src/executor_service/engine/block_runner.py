"""Executes a block: parameters, intent, attempts, and result."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from executor_service.engine.attempts import Attempt
from executor_service.engine.binding import compile_variant
from executor_service.engine.entries import BlockFinished, CallPaused
from executor_service.engine.errors import BlockFailure, http_status_of
from executor_service.engine.handlers import BlockHandler, BlockResult, Call, Inputs, PausedChild, PauseRequest
from executor_service.engine.limits import Limits
from executor_service.engine.logs import BlockLogs, at_position
from executor_service.engine.state import ChildSpans, Output, Pause, Work
from shared.clock import Clock, iso
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import ErrorCode, RunError
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.tracebacks import clear_tracebacks
from shared.workflow.catalog import Effect
from shared.workflow.compile.graph import EdgeCondition
from shared.workflow.format.js_values import JsonObject, is_enabled

OUTCOME_UNKNOWN: Final = "The worker was lost while this block ran. Its effect is unknown, so it was not run again."
NO_REASON: Final = "The block failed without an error message"
"""Message for errors without one: an output's `error` selects edges, so it must not be empty."""
_to_json: Final = msgspec.json.Encoder().encode
log = get_logger("block_runner")


class BlockRunner:
    """Executes blocks of one run. Announces effects before they start, through `announce`."""

    def __init__(
        self,
        handlers: Mapping[str, BlockHandler],
        logs: BlockLogs,
        limits: Limits,
        clock: Clock,
        announce: Callable[[Work], Awaitable[None]],
        *,
        is_journaled: bool,
    ) -> None:
        self._handlers = handlers
        self._logs = logs
        self._output_bytes = (
            min(limits.block_output_bytes, limits.journaled_output_bytes) if is_journaled else limits.block_output_bytes
        )
        self._clock = clock
        self._announce = announce

    async def run(self, attempt: Attempt, *, in_doubt: bool) -> BlockFinished | CallPaused:
        """Run the block to its end, even a failure, or to a pause of the workflow that it called."""
        try:
            result = await self._result(attempt, in_doubt=in_doubt)
            attempt.output_bytes = len(_to_json(result.output))
            if attempt.output_bytes > self._output_bytes:
                raise BlockFailure(
                    f"The output is too large: {attempt.output_bytes} bytes, the limit is {self._output_bytes}",
                    child_spans=result.child_spans,
                )
        except BlockFailure as failure:
            clear_tracebacks(failure)
            return await self._build_failed(attempt, failure)
        except FlowportError as error:
            clear_tracebacks(error)
            return await self._build_failed(attempt, BlockFailure(error.message, http_status=http_status_of(error)))
        except Exception as error:  # a block's bug must end that run with a reason, not the worker
            log.exception("block_crashed", block_id=attempt.call.block.id, block_type=attempt.call.block.type)
            clear_tracebacks(error)
            return await self._build_failed(attempt, BlockFailure(f"{type(error).__name__}: {error}"))
        if result.paused_child is not None:
            return self._build_paused(attempt, result, result.paused_child)
        return self._build_finished(attempt, result)

    def log_of(
        self, attempt: Attempt, *, error: str | None = None, handled: bool = False, child_spans: ChildSpans = ()
    ) -> BlockLog:
        """Return the log entry of an attempt now. `error` contains no secrets."""
        block = attempt.call.block
        log = BlockLog(
            block_id=block.id,
            block_name=block.name,
            block_type=block.type,
            started_at=attempt.started_at,
            ended_at=self._clock.now(),
            duration_ms=round((self._clock.monotonic() - attempt.monotonic_start) * 1000, 3),
            execution_order=attempt.order,
            success=error is None,
            error=error,
            error_handled=handled,
            tries=attempt.tries if attempt.tries > 1 else None,
            input=self._redact_inputs(attempt.inputs),
            child_spans=child_spans,
        )
        return at_position(log, attempt.call.iterations)

    def _redact_inputs(self, inputs: Inputs | None) -> object:
        return None if inputs is None else self._logs.redact(inputs.shown() if inputs.shown else inputs.params)

    async def _result(self, attempt: Attempt, *, in_doubt: bool) -> BlockResult:
        call = attempt.call
        handler = self._handlers.get(call.block.type)
        if handler is None:
            raise BlockFailure(f"Tool not found: {call.block.type}")
        if call.block.code is not None:
            await compile_variant(call.block.code, call.resolver, call.request.workspace_id)
        attempt.inputs = inputs = handler.prepare(call)
        if call.block.spec.effect_with(inputs.params) is Effect.OUTSIDE and not handler.recovers:
            if in_doubt and not _may_repeat(call, inputs.params):
                raise BlockFailure(OUTCOME_UNKNOWN, code=ErrorCode.BLOCK_OUTCOME_UNKNOWN)
            await self._announce(attempt.work)
        return await self._run_with_retries(attempt, handler, inputs)

    async def _run_with_retries(self, attempt: Attempt, handler: BlockHandler, inputs: Inputs) -> BlockResult:
        block = attempt.call.block
        policy = block.block.retry if block.spec.retryable else None
        while True:
            try:
                return await handler.run(attempt.call, inputs)
            except (BlockFailure, FlowportError) as failure:
                can_retry = not isinstance(failure, BlockFailure) or failure.can_retry
                if policy is None or not can_retry or attempt.tries >= policy.max_tries:
                    raise
                clear_tracebacks(failure)
            attempt.tries += 1
            if attempt.call.writer is not None:
                await attempt.call.writer.reset()
            await asyncio.sleep(policy.wait_ms / 1000)

    def _build_finished(self, attempt: Attempt, result: BlockResult) -> BlockFinished:
        return BlockFinished(
            work=attempt.work,
            output=result.output,
            log=self.log_of(attempt, child_spans=result.child_spans),
            assignments=result.assignments,
            usage=attempt.spending.total,
            pause=None if result.pause is None else self._pause(attempt, result.output, result.pause),
        )

    def _build_paused(self, attempt: Attempt, result: BlockResult, child: PausedChild) -> CallPaused:
        return CallPaused(
            work=attempt.work,
            log=self.log_of(attempt, child_spans=result.child_spans),
            pauses=tuple(msgspec.structs.replace(pause, work=attempt.work) for pause in child.pauses),
            usage=attempt.spending.total,
            state=child.state,
        )

    def _pause(self, attempt: Attempt, output: Output, pause: PauseRequest) -> Pause:
        return Pause(
            context_id=attempt.call.context_id,
            work=attempt.work,
            block_id=attempt.call.block.id,
            kind=pause.kind,
            response=pause.response,
            output=output,
            registered_at=iso(self._clock.now()),
            resume_at=pause.resume_at,
            order=attempt.order,
        )

    async def _build_failed(self, attempt: Attempt, failure: BlockFailure) -> BlockFinished:
        call = attempt.call
        message = self._logs.redact_reason(failure.message) or NO_REASON
        writer = call.writer
        if writer is not None and writer.has_sent:
            await writer.report_failure(message)
        handled = any(edge.fires is EdgeCondition.ON_ERROR for edge in call.node.edges)
        return BlockFinished(
            work=attempt.work,
            output={**failure.partial, "error": message},
            log=self.log_of(attempt, error=message, handled=handled, child_spans=failure.child_spans),
            usage=attempt.spending.total,
            error=RunError(
                code=failure.code,
                message=message,
                block_id=call.block.id,
                block_name=call.block.name,
                block_type=call.block.type,
                http_status=failure.http_status,
            ),
            handled=handled,
        )


def _may_repeat(call: Call, params: JsonObject) -> bool:
    return call.block.block.retry is not None or is_enabled(params.get("retryNonIdempotent"))
