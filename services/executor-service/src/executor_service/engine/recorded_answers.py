"""Answers from a recorded run in place of effects, so that a replay reaches nothing outside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from executor_service.engine.call import Call
from executor_service.engine.errors import BlockFailure
from executor_service.engine.handlers import BlockHandler, BlockResult, Inputs
from executor_service.engine.secrets import EnvironmentNames
from executor_service.engine.state import Output, Pause
from shared.contracts.recordings import EffectKind, RecordedBlock, merge_blocks
from shared.workflow.catalog.effects import effect_kind
from shared.workflow.format.js_values import Json, JsonObject

UNRECORDED: Final = "The recording has no answer for this call"
CHANGED_INPUTS: Final = "The recording has an answer for this block, but for other inputs"
_canonical: Final = msgspec.json.Encoder(order="deterministic").encode
NO_NAMES: Final = EnvironmentNames({})


@dataclass(frozen=True, slots=True)
class UnrecordedCall:
    """A call with an effect that the recording cannot answer. `recorded` is the block's entry with other inputs."""

    path: str
    block_id: str
    block_name: str
    block_type: str
    effect: EffectKind
    inputs: Json
    recorded: RecordedBlock | None = None

    @property
    def reason(self) -> str:
        """Return why there is no answer."""
        return UNRECORDED if self.recorded is None else CHANGED_INPUTS


class RecordedAnswers:
    """Recorded blocks of one run, by path, and the calls that found no answer. Belongs to one execution."""

    def __init__(self, blocks: Iterable[RecordedBlock], names: EnvironmentNames = NO_NAMES) -> None:
        """`names` masks the environment values of the execution as the recording's were."""
        self._blocks = {block.path: block for block in merge_blocks(blocks)}
        self._names = names
        self.unrecorded: list[UnrecordedCall] = []
        """Calls without an answer, in order."""

    def handlers(self, handlers: Mapping[str, BlockHandler]) -> dict[str, BlockHandler]:
        """Return handlers that run blocks without effects, and answer all others from the recording."""
        return {name: RecordedHandler(handler, self) for name, handler in handlers.items()}

    def answer(self, call: Call, inputs: Inputs, effect: EffectKind) -> RecordedBlock | None:
        """Return the recorded execution at this path with equal inputs; None, and note the call, without one."""
        shown = self._names.mask(inputs.recorded())
        recorded = self._blocks.get(call.execution_path)
        if recorded is not None and _canonical(recorded.inputs) == _canonical(shown):
            return recorded
        block = call.block
        self.unrecorded.append(
            UnrecordedCall(call.execution_path, block.id, block.name, block.type, effect, shown, recorded)
        )
        return None


class RecordedHandler(BlockHandler):
    """Block type whose effects are answered from a recording."""

    def __init__(self, handler: BlockHandler, answers: RecordedAnswers) -> None:
        self._handler = handler
        self._answers = answers

    def prepare(self, call: Call) -> Inputs:
        """Fill in the parameters."""
        return self._handler.prepare(call)

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Run a block without effect; return the recorded result of any other. Raises BlockFailure."""
        effect = effect_kind(call.block.spec, inputs.params)
        if effect is EffectKind.NONE:
            return await self._handler.run(call, inputs)
        recorded = self._answers.answer(call, inputs, effect)
        if recorded is None:
            raise BlockFailure(self._answers.unrecorded[-1].reason, can_retry=False)
        output = dict(recorded.output or {})
        if recorded.error is not None:
            output.pop("error", None)
            raise BlockFailure(recorded.error, http_status=recorded.http_status, can_retry=False, partial=output)
        return BlockResult(output)

    @property
    def recovers(self) -> bool:
        """Return True: a recorded answer may be repeated after a crash."""
        return True

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Return a paused block's output after `answer`."""
        return self._handler.resume(pause, answer, at)
