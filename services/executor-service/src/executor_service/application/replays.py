"""Replays recorded runs on another version."""

import asyncio
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from executor_service.application.retries import retry_unavailable
from executor_service.engine.execution import Execution
from executor_service.engine.recorder import mask_block
from executor_service.engine.replay import judge
from executor_service.engine.request import RunResult
from executor_service.engine.secrets import EnvironmentNames
from executor_service.ports import ReplayBudgets
from shared.contracts.payloads import Payload
from shared.contracts.recording_policy import RecordRun, ReplayRun
from shared.contracts.recordings import RecordedBlock, Recording
from shared.contracts.runs import RunSpec, RunStatus, SnapshotRef, Trigger

_encode: Final = msgspec.json.Encoder().encode
_decode_block: Final = msgspec.json.Decoder(RecordedBlock).decode
JUDGED: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED})
RECORD: Final = RecordRun(1, 0)
"""The engine records a replay to compare it; the recording is not stored."""


class ReplayExecution:
    """Execution of a replay. Its output is the comparison with the recording, even if the replayed run failed."""

    def __init__(self, execution: Execution, recording: Recording, replay: ReplayRun, names: EnvironmentNames) -> None:
        self._execution = execution
        self._recording = recording
        self._replay = replay
        self._names = names

    def cancel(self) -> None:
        """Stop the run."""
        self._execution.cancel()

    async def run(self, *, spent_seconds: float = 0.0) -> RunResult:
        """Run to the end, and compare. Takes and raises what `Execution.run` does."""
        result = await self._execution.run(spent_seconds=spent_seconds)
        outcome = result.outcome
        if outcome.status not in JUDGED:
            return replace(result, recording=None)
        judged = await asyncio.to_thread(  # a comparison of large values with many patterns takes long
            judge,
            self._recording,
            [_plain(block, self._names) for block in self._execution.state.recorded],
            status=outcome.status,
            output=msgspec.json.decode(self._names.mask_json(_encode(result.output))),
            error=None if outcome.error is None else str(self._names.mask(outcome.error.message)),
            duration_ms=outcome.duration_ms,
            ignore=self._replay.ignore,
            reports_all=self._replay.reports_all,
        )
        raw = _encode(judged)
        done = replace(
            outcome,
            status=RunStatus.COMPLETED,
            error=None,
            is_response=False,
            output=Payload(inline=msgspec.Raw(raw), size=len(raw)),
        )
        return replace(result, outcome=done, output=msgspec.json.decode(raw), recording=None)


class SetBudget:
    """Implements CallBudget by the budget of a replay set."""

    def __init__(self, budgets: ReplayBudgets, snapshot: SnapshotRef, set_id: str) -> None:
        self._budgets = budgets
        self._snapshot = snapshot
        self._set_id = set_id

    async def reserve(self) -> bool:
        return await self._budgets.reserve_call(self._snapshot, self._set_id)

    async def charge(self, usd: float) -> None:
        if usd:
            await retry_unavailable(partial(self._budgets.charge_call, self._snapshot, self._set_id, usd))


def spec_of_replay(spec: RunSpec, recording: Recording) -> RunSpec:
    """Return the replay's spec, with the trigger and start block of the recorded run."""
    return replace(spec, trigger=Trigger(recording.trigger), start_block_id=recording.start_block_id, record=RECORD)


def _plain(block: RecordedBlock, names: EnvironmentNames) -> RecordedBlock:
    """Return a masked block with JSON values."""
    return _decode_block(_encode(mask_block(block, names)))
