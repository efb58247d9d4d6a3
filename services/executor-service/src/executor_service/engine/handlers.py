"""What a block type is to the engine: how it is prepared, run and resumed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from executor_service.engine.call import Call
from executor_service.engine.state import ChildSpans, Output, Pause, RunState
from shared.workflow.format.js_values import JsonObject


class Inputs(msgspec.Struct, frozen=True):
    """A block's parameters with all references filled in. `shown` gives what logs show, where that differs."""

    params: JsonObject
    shown: Callable[[], JsonObject] | None = None
    extra: Any = None
    """The handler's own, carried from `prepare` to `run`."""


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """A block that waits: for a person (`human`) or for a moment (`time`, `resume_at` in ISO-8601)."""

    kind: str
    response: Output
    resume_at: str | None = None


class PausedChild(msgspec.Struct, frozen=True):
    """A called workflow that waits: for what, and where it was left."""

    pauses: tuple[Pause, ...]
    state: RunState


class BlockResult(msgspec.Struct, frozen=True):
    """What a block did. `assignments` sets variables, by id; `child_spans` are a child workflow's trace.

    With `paused_child` it is not done: it is run again when a pause of the child was answered, with
    `Call.request.resumptions` for it.
    """

    output: Output
    assignments: JsonObject = {}
    pause: PauseRequest | None = None
    child_spans: ChildSpans = ()
    paused_child: PausedChild | None = None


class BlockHandler:
    """How one block type runs. Handlers are shared by all runs and keep nothing of any."""

    def prepare(self, call: Call) -> Inputs:
        """Fill in the parameters. Raises BadReference. Never retried."""
        return Inputs({key: call.resolver.render(template) for key, template in call.block.params.items()})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Do the block's work. Raises BlockFailure."""
        raise NotImplementedError

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """What a paused block gives once `answer` has come."""
        return {**pause.output, **answer}

    @property
    def recovers(self) -> bool:
        """Whether the block itself knows what it has done already, after a crash."""
        return False
