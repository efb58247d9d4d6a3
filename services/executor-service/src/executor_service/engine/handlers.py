"""Interface of block types: prepare, run, resume."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from executor_service.engine.call import Call
from executor_service.engine.state import ChildSpans, Output, Pause, RunState
from shared.workflow.format.js_values import JsonObject


class Inputs(msgspec.Struct, frozen=True):
    """A block's parameters with all references filled in. `shown` is the version for logs, if different."""

    params: JsonObject
    shown: Callable[[], JsonObject] | None = None
    extra: Any = None
    """Handler's own data, passed from `prepare` to `run`."""
    complete: Callable[[], JsonObject] | None = None
    """All values that determine the block's behavior, if `params` lacks some."""

    def recorded(self) -> JsonObject:
        """Return the values that a recording stores, and by which a replay finds the recorded answer."""
        if self.complete is not None:
            return self.complete()
        return self.params if self.params or self.shown is None else self.shown()


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """A pause of a block: for a person (`human`) or a time (`time`, `resume_at` in ISO-8601)."""

    kind: str
    response: Output
    resume_at: str | None = None


class PausedChild(msgspec.Struct, frozen=True):
    """A paused called workflow: its pauses and its state."""

    pauses: tuple[Pause, ...]
    state: RunState


class BlockResult(msgspec.Struct, frozen=True):
    """Result of a block. `assignments` sets variables, by id; `child_spans` are a child workflow's trace.

    With `paused_child` it is not finished: it runs again when a pause of the child was answered, with
    `Call.request.resumptions` for it.
    """

    output: Output
    assignments: JsonObject = {}
    pause: PauseRequest | None = None
    child_spans: ChildSpans = ()
    paused_child: PausedChild | None = None


class BlockHandler:
    """Implementation of a block type. Handlers are shared by all runs and store no state."""

    def prepare(self, call: Call) -> Inputs:
        """Fill in the parameters. Raises BadReference. Never retried."""
        return Inputs({key: call.resolver.render(template) for key, template in call.block.params.items()})

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Do the block's work. Raises BlockFailure."""
        raise NotImplementedError

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Return a paused block's output after `answer`."""
        return {**pause.output, **answer}

    @property
    def recovers(self) -> bool:
        """Return whether the block itself recovers its progress after a crash."""
        return False
