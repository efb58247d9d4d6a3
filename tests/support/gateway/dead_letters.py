"""Dead letters in memory."""

from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB

from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted


class FakeDeadLetters:
    """Implements DeadLetterClient. Every workspace has the dead letter `L1`, of the run `E1`."""

    def __init__(self) -> None:
        self.letter = DeadLetterView(
            id="L1", kind=DeadLetterKind.DURABLE_RUN, queue="runs", reason="rejected", died_at=NOON, run_id="E1"
        )
        self.requests: list[RedriveRun] = []

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        return DeadLetterPage((self.letter,))

    async def dead_letter(self, workspace_id: str, letter_id: str) -> DeadLetterView:
        return self.letter

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        self.requests.append(request)
        return RunAccepted("again", JOB, NOON)

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None:
        """Accept the request: the dead letter existed."""

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        self.requests.append(request)
        return RunAccepted("again", JOB, NOON)
