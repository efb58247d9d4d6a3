"""What to store of a dead letter."""

from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from shared.contracts.dead_letters import DeadLetterKind
from shared.contracts.messages import (
    AttachedRunRequested,
    DurableRunDispatched,
    Message,
    RecordBatch,
    UnreadableMessage,
    decode,
)

EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLetter:
    """A dead letter. `body` is stored only if nothing else holds it: a run's input stays with the run."""

    id: str
    kind: DeadLetterKind
    queue: str
    reason: str
    size: int
    workspace_ids: tuple[str, ...] = ()
    workflow_id: str | None = None
    run_id: str | None = None
    body: bytes | None = None

    @property
    def next_run_id(self) -> str:
        """Return the id of its redriven run: of two concurrent redrives, one starts it."""
        return str(UUID(hex=self.id, version=4))


def lost_attached_run(body: bytes) -> AttachedRunRequested | None:
    """Return the attached run that no worker will execute, if the letter is one."""
    with suppress(UnreadableMessage):
        match decode(body).message:
            case AttachedRunRequested() as call:
                return call
    return None


def examine(body: bytes, *, queue: str, reason: str) -> StoredLetter | None:
    """Return what to store of a message that died in `queue`; None if nothing is lost."""
    letter_id = sha256(f"{queue}\n{reason}\n".encode() + body).hexdigest()[:32]
    stored = StoredLetter(id=letter_id, kind=DeadLetterKind.UNREADABLE, queue=queue, reason=reason, size=len(body))
    try:
        message = decode(body).message
    except UnreadableMessage as error:
        return replace(stored, reason=f"{reason}: {error}"[:500], body=body)
    return _described(stored, message, body)


def _described(stored: StoredLetter, message: Message, body: bytes) -> StoredLetter | None:
    match message:
        case DurableRunDispatched(run_id=run_id, workspace_id=workspace_id):
            return replace(stored, kind=DeadLetterKind.DURABLE_RUN, run_id=run_id, workspace_ids=(workspace_id,))
        case AttachedRunRequested() if stored.reason == EXPIRED:
            return None  # its caller is notified
        case AttachedRunRequested(run=run):
            return replace(
                stored,
                kind=DeadLetterKind.ATTACHED_RUN,
                run_id=run.run_id,
                workspace_ids=(run.snapshot.workspace_id,),
                workflow_id=run.snapshot.workflow_id,
            )
        case RecordBatch(records=records):
            owners = dict.fromkeys(record.run.snapshot.workspace_id for record in records)
            return replace(stored, kind=DeadLetterKind.RECORDS, workspace_ids=tuple(owners), body=body)
        case _:
            return None
