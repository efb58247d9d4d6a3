"""Answers from a recorded run in place of effects, so that a replay reaches nothing outside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from executor_service.engine.errors import BlockFailure
from executor_service.engine.handlers import BlockHandler, BlockResult, Call, Inputs
from executor_service.engine.secrets import EnvironmentNames
from executor_service.engine.state import Output, Pause
from shared.contracts.recordings import EffectKind, RecordedBlock, merge_blocks
from shared.contracts.runs import Usage
from shared.workflow.catalog.effects import effect_kind
from shared.workflow.format.js_values import Json, JsonObject

UNRECORDED: Final = "The recording has no answer for this call"
CHANGED_INPUTS: Final = "The recording has an answer for this block, but for other inputs"
_canonical: Final = msgspec.json.Encoder(order="deterministic").encode
OVER_BUDGET: Final = "The budget for models is used up"
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


class CallBudget(Protocol):
    """Budget of the model calls that replays may make."""

    async def reserve(self) -> bool:
        """Reserve one call; return False if the budget is used up. Raises Unavailable."""

    async def charge(self, usd: float) -> None:
        """Report the cost of a call. Raises Unavailable."""


class RecordedAnswers:
    """Recorded blocks of one run, by path, and the calls that found no answer. Belongs to one execution."""

    def __init__(
        self,
        blocks: Iterable[RecordedBlock],
        names: EnvironmentNames = NO_NAMES,
        *,
        budget: CallBudget | None = None,
    ) -> None:
        """`names` masks the environment values of the execution as the recording's were.

        With `budget`, models without a recorded answer are called.
        """
        self.budget = budget
        self._blocks = {block.path: block for block in merge_blocks(blocks)}
        self._names = names
        self.unrecorded: list[UnrecordedCall] = []
        """Calls without an answer, in order."""

    def handlers(self, handlers: Mapping[str, BlockHandler]) -> dict[str, BlockHandler]:
        """Return handlers that run blocks without effects, and answer all others from the recording."""
        return {name: RecordedHandler(handler, self) for name, handler in handlers.items()}

    def answer(self, call: Call, inputs: Inputs) -> RecordedBlock | None:
        """Return the recorded execution at this path with equal inputs, if any."""
        recorded = self._blocks.get(call.execution_path)
        if recorded is not None and _canonical(recorded.inputs) == _canonical(self._shown(inputs)):
            return recorded
        return None

    def note(self, call: Call, inputs: Inputs, effect: EffectKind) -> UnrecordedCall:
        """Note a call without an answer."""
        block, recorded = call.block, self._blocks.get(call.execution_path)
        noted = UnrecordedCall(
            call.execution_path, block.id, block.name, block.type, effect, self._shown(inputs), recorded
        )
        self.unrecorded.append(noted)
        return noted

    def _shown(self, inputs: Inputs) -> Json:
        return self._names.mask(inputs.recorded())


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
        recorded = self._answers.answer(call, inputs)
        if recorded is None:
            if self._answers.budget is not None and _only_calls_a_model(effect, inputs):
                return await self._call_model(call, inputs, self._answers.budget)
            raise BlockFailure(self._answers.note(call, inputs, effect).reason, can_retry=False)
        output = dict(recorded.output or {})
        if recorded.error is not None:
            output.pop("error", None)
            raise BlockFailure(recorded.error, http_status=recorded.http_status, can_retry=False, partial=output)
        return BlockResult(output)

    async def _call_model(self, call: Call, inputs: Inputs, budget: CallBudget) -> BlockResult:
        if not await budget.reserve():
            raise BlockFailure(OVER_BUDGET, can_retry=False)
        spent: list[float] = []

        def spend(usage: Usage) -> None:
            spent.append(usage.cost_usd)
            call.spend(usage)

        try:
            return await self._handler.run(msgspec.structs.replace(call, spend=spend), inputs)
        finally:
            await budget.charge(sum(spent))

    @property
    def recovers(self) -> bool:
        """Return True: a recorded answer may be repeated after a crash."""
        return True

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """Return a paused block's output after `answer`."""
        return self._handler.resume(pause, answer, at)


def _only_calls_a_model(effect: EffectKind, inputs: Inputs) -> bool:
    """Return whether a block calls a model, and neither tools nor the memory of a conversation."""
    return effect is EffectKind.MODEL and inputs.params.get("memoryType") in (None, "", "none")
