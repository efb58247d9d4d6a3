"""Records the blocks of a run, and builds the run's recording after its end."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from executor_service.engine.attempts import Attempt
from executor_service.engine.entries import BlockFinished
from executor_service.engine.secrets import EnvironmentNames
from executor_service.engine.state import RunState
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import (
    MAX_RECORDING_BYTES,
    EffectKind,
    RecordedBlock,
    Recording,
    RecordingSummary,
)
from shared.contracts.runs import RunOutcome, RunSpec, RunStatus, Usage
from shared.workflow.catalog.effects import effect_kind

_encode: Final = msgspec.json.Encoder().encode
ENDED: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED})
"""A canceled run is not recorded: where it stopped is chance."""


class RunRecorder:
    """Records blocks in the state of a run, so that the recording survives pauses and lost workers.

    Inputs are encoded immediately, since their values may change later. `names` masks them before they reach a
    journal; for an attached run that can wait until the run has ended.
    """

    def __init__(self, state: RunState, names: EnvironmentNames, *, is_journaled: bool) -> None:
        self._state = state
        self._names = names
        self._is_journaled = is_journaled

    def record(self, attempt: Attempt, done: BlockFinished) -> None:
        """Add the execution to its entry, unless the recording is full."""
        if self._state.recorded_bytes > MAX_RECORDING_BYTES:
            return
        call, inputs = attempt.call, attempt.inputs
        block = call.block.block
        raw = b"null" if inputs is None else _encode(inputs.recorded())
        error = done.error
        done.recorded = RecordedBlock(
            path=call.execution_path,
            block_id=block.id,
            block_name=block.name,
            block_type=block.type,
            order=attempt.order,
            inputs=msgspec.Raw(self._names.mask_json(raw) if self._is_journaled else raw),
            output=None if self._is_journaled else done.output,
            error=None if error is None else error.message,
            http_status=None if error is None else error.http_status,
            effect=EffectKind.NONE if inputs is None else effect_kind(call.block.spec, inputs.params),
            usage=done.usage,
            started_at=done.log.started_at,
            duration_ms=done.log.duration_ms,
            size=len(raw) + attempt.output_bytes,
        )

    def mask_all(self) -> None:
        """Mask the recorded blocks before the state leaves this process."""
        self._state.recorded = [mask_block(block, self._names) for block in self._state.recorded]


class RunRecording(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A run that has ended and is to be recorded. `encode` masks it, in any thread."""

    spec: RunSpec
    record: RecordRun
    input: Any
    outcome: RunOutcome
    output: Any
    usage: Usage
    blocks: tuple[RecordedBlock, ...]
    size: int
    """Bytes of the recorded blocks, roughly."""
    names: EnvironmentNames

    def encode(self, names: EnvironmentNames | None = None) -> tuple[RecordingSummary, bytes]:
        """Return the summary of the masked recording, and its JSON.

        `names`: those of an equal environment, with their forms.
        """
        recording, content = self._build(names or self.names)
        summary = RecordingSummary(
            run_id=recording.run_id,
            workflow_id=recording.workflow_id,
            version=recording.version,
            trigger=recording.trigger,
            conversation_id=recording.conversation_id,
            status=recording.status,
            started_at=self.outcome.started_at,
            duration_ms=recording.duration_ms,
            blocks=len(recording.blocks),
            size=len(content),
            is_cut=recording.is_cut,
        )
        return summary, content

    def _build(self, names: EnvironmentNames) -> tuple[Recording, bytes]:
        """Return the masked recording and its JSON. One search finds out that nothing needs to be masked."""
        if self.size <= MAX_RECORDING_BYTES:
            recording = self._recording(self.blocks)
            content = _encode(recording)
            if len(content) <= MAX_RECORDING_BYTES and not names.may_occur_in(content):
                return recording, content
        room = MAX_RECORDING_BYTES
        blocks: list[RecordedBlock] = []
        for block in self.blocks:
            masked = mask_block(block, names)
            room -= len(_encode(masked))
            if room < 0:
                break
            blocks.append(masked)
        recording = self._recording(tuple(blocks))
        error = recording.error
        recording = replace(
            recording,
            input=_masked(self.input, names),
            output=_masked(self.output, names),
            error=None if error is None else str(names.mask(error)),
            is_cut=len(blocks) < len(self.blocks) or self.size > MAX_RECORDING_BYTES,
        )
        return recording, _encode(recording)

    def _recording(self, blocks: tuple[RecordedBlock, ...]) -> Recording:
        spec, outcome = self.spec, self.outcome
        snapshot = spec.snapshot
        return Recording(
            run_id=spec.run_id,
            workspace_id=snapshot.workspace_id,
            workflow_id=snapshot.workflow_id,
            version=snapshot.version,
            snapshot_hash=snapshot.snapshot_hash,
            trigger=spec.trigger.value,
            start_block_id=spec.start_block_id,
            conversation_id=spec.conversation_id,
            input=self.input,
            status=outcome.status,
            output=self.output,
            error=None if outcome.error is None else outcome.error.message,
            started_at=outcome.started_at,
            duration_ms=outcome.duration_ms,
            usage=self.usage,
            blocks=blocks,
        )


def should_record(record: RecordRun | None, status: RunStatus) -> bool:
    """Return whether a run with this end is recorded."""
    return record is not None and status in ENDED and (status is RunStatus.FAILED or not record.only_failure)


def mask_block(block: RecordedBlock, names: EnvironmentNames) -> RecordedBlock:
    """Return a recorded block with names in place of environment values."""
    error = block.error
    return replace(
        block,
        inputs=_masked(block.inputs, names),
        output=_masked(block.output, names),
        error=None if error is None else str(names.mask(error)),
    )


def _masked(value: Any, names: EnvironmentNames) -> msgspec.Raw:
    return msgspec.Raw(names.mask_json(bytes(value) if isinstance(value, msgspec.Raw) else _encode(value)))
