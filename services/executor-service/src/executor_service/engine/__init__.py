"""The graph engine: runs a compiled workflow and emits events.

    engine = Engine(handlers, expressions, clock, limits)       # one per worker
    execution = Execution(engine, workflow, request, environment=values, sink=sink, journal=journal, entries=entries)
    result = await execution.run()                              # once
    execution.cancel()                                          # from elsewhere; `run` returns within a second

- `workflow` is a `CompiledWorkflow` (shared.workflow.compile.compiler), shared by any number of concurrent runs.
- `request` is a `RunRequest`: the `RunSpec` of a message and its parsed input.
- `environment` holds the `{{NAME}}` values; it may be empty when `workflow.needs_environment` is false.
- `sink` gets the events of `shared.contracts.events` in order, except RunStarted and RunEnded: the worker sends those.
- `journal` stores a durable run's entries; None for an attached run. `entries` are the `data` of the journal entries of
  earlier attempts, in order: their work is not repeated. `state` is the `RunResult.state` of a paused run.
- `result` is a `RunResult`: the `RunOutcome`, the block logs, the usage, and the pauses of a paused run. Its
  `state` converts to JSON with `msgspec.json.encode` and back with `msgspec.json.decode(…, type=RunState)`.

To resume, pass the same run id and snapshot, `state`, later journal entries, and `request.resumptions` =
{context id: answer}.

A run fails with a result, not with an exception; `run` raises only the journal's errors (StaleAttempt, Unavailable).
Canceling the task that awaits `run` stops every block without a result.
"""

from executor_service.engine.errors import BadCondition, BadReference, BlockFailure
from executor_service.engine.execution import Execution
from executor_service.engine.handlers import BlockHandler, BlockResult, Call, Inputs, PausedChild, PauseRequest
from executor_service.engine.limits import Limits
from executor_service.engine.logs import spans_of
from executor_service.engine.ports import EventSink, Expressions, Journal
from executor_service.engine.request import RunFrom, RunRequest, RunResult
from executor_service.engine.run_context import Engine
from executor_service.engine.state import ChildPin, Output, Pause, RunState

__all__ = [
    "BadCondition",
    "BadReference",
    "BlockFailure",
    "BlockHandler",
    "BlockResult",
    "Call",
    "ChildPin",
    "Engine",
    "EventSink",
    "Execution",
    "Expressions",
    "Inputs",
    "Journal",
    "Limits",
    "Output",
    "Pause",
    "PauseRequest",
    "PausedChild",
    "RunFrom",
    "RunRequest",
    "RunResult",
    "RunState",
    "spans_of",
]
