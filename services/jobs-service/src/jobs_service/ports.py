"""What jobs-service needs from the outside. Adapters implement these; tests hand in fakes.

Every method raises Unavailable when its part does not answer. Times are the store's own.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from jobs_service.domain.capacity import Ledger, Offer, QueueLimits
from jobs_service.domain.dead_letters import KeptLetter
from jobs_service.domain.run import Run
from jobs_service.domain.webhooks import EndedRun
from shared.contracts.dead_letters import DeadLetterPage
from shared.contracts.event_log import EventPosition
from shared.contracts.jobs import AcceptRun, JournalEntry, RunAccepted, RunFilter, RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.memory import Conversation, Remembered
from shared.contracts.messages import EventBatch, RunBegan, RunRecorded
from shared.contracts.runs import Payload, RunSpec, Usage
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription
from shared.errors import FlowportError


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and the store's time when it was read."""

    run: Run
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimable(Seen):
    """A run with all that a worker needs."""

    spec: RunSpec
    state: Payload | None = None
    """Where the engine stood when the run was adopted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run leaves behind besides its state. Large values have been put into blobs before."""

    output: Payload | None = None
    blocks: Payload | None = None
    usage: Usage = field(default_factory=Usage)
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """An attached run that has paused, and all that it needs to go on without its caller."""

    run: Run
    spec: RunSpec
    state: Payload
    result: Result


class Runs(Protocol):
    """Runs, one at a time."""

    async def now(self) -> datetime: ...

    async def load(self, run_id: str) -> Seen | None: ...

    async def claimable(self, run_id: str) -> Claimable | None:
        """A durable run with its specification."""
        ...

    async def replace(self, before: Run, after: Run, result: Result | None = None) -> bool:
        """Store `after` if the run still is what `before` says. False: it was changed meanwhile.

        A waiting run that leaves the queue is found in QueueState.unbooked from then on.
        """
        ...

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Prolong the lease of `attempt`. False: it does not hold the run, or the run is to be cancelled."""
        ...

    async def overdue(self, limit: int) -> Sequence[Seen]:
        """Runs that should have been heard of by now."""
        ...

    async def adopt(self, adopted: Adopted) -> bool:
        """Make an attached run durable. False: it is so already, is over, or is to be cancelled."""
        ...

    async def reserve(self, run_id: str, workspace_id: str) -> bool:
        """Take an id for an attached run. False: it is taken."""
        ...

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Give an id back that no run was seen of."""
        ...


EVERY_RUN: Final = RunFilter()


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which runs to list, newest first."""

    workspace_id: str
    workflow_id: str | None = None
    only: RunFilter = EVERY_RUN
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ViewedRun:
    """A run for its readers; its blocks, where they were asked for, still as they are stored."""

    view: RunView
    blocks: Payload | None


class RunViews(Protocol):
    """Runs as readers see them. A run past its retention is not found."""

    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> ViewedRun | None: ...

    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> ViewedRun | None: ...

    async def page(self, query: PageQuery) -> RunPage:
        """One page. Raises InvalidRequest for a cursor that is none of ours."""
        ...


class EventLog(Protocol):
    """Events of runs whose readers may come later, for an hour. Every method raises Unavailable."""

    async def append(self, batches: Sequence[EventBatch]) -> None:
        """Keep these; what is kept already stays as it is."""
        ...

    async def read(self, run_id: str, after: EventPosition, limit: int) -> Sequence[EventBatch]:
        """The batches with events behind `after`, in order, at most so many."""
        ...


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads: the name of the lease and its holder."""

    name: str
    holder: str


class Leases(Protocol):
    """At most one holder per name."""

    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """Take or keep the lease for `ttl`; the number of the holder's term, which grows with every change.

        None: somebody else has it.
        """
        ...

    async def leave(self, leadership: Leadership) -> None:
        """Let the next one in at once."""
        ...


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that holds one of its workspace's concurrent places."""

    run_id: str
    workspace_id: str
    is_dispatched: bool
    is_requeued: bool
    has_begun: bool
    dispatched_at: datetime | None
    dispatches: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """The books and the runs under way, at one moment."""

    now: datetime
    ledgers: Mapping[str, Ledger]
    overall: Ledger
    offers: Sequence[Offer]
    active: Sequence[ActiveRun]
    unbooked: Mapping[str, str]
    """Runs that left the queue undispatched, and their workspaces; the books do not know it yet."""


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run to be dispatched."""

    run_id: str
    workspace_id: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount found."""

    wrong_places: int
    unclaimed: Mapping[str, str]
    """The runs that are dispatched and unclaimed, and their workspaces."""
    is_certain: bool
    """False where batches under way may have hidden something."""


class Queue(Protocol):
    """The queue and its books. Who leads writes with a term; an earlier leader's writes come to nothing."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[RunAccepted | FlowportError]:
        """Store those that there is room for. Each answer: accepted, AtCapacity, or RunIdTaken."""
        ...

    async def state(self) -> QueueState: ...

    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """The workspace's oldest waiting runs."""
        ...

    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Mark these runs as published; those that were marked, the others being claimed or over."""
        ...

    async def settle(self, departed: Mapping[str, int], unbooked: Sequence[str], term: int) -> None:
        """Book runs that have left the queue, by workspace; those of them that were `unbooked` are so no more."""
        ...

    async def withdraw(self, offer: Offer) -> None:
        """Take back a batch that was never accepted, with its waiting runs."""
        ...

    async def recount(self, term: int) -> Recount:
        """Make the books agree with the runs, and close them to earlier leaders."""
        ...


class Journal(Protocol):
    """What happened in durable runs."""

    async def append(self, run_id: str, attempt: int, entries: Sequence[JournalEntry]) -> None:
        """Store entries; those that this attempt has stored before are left as they are."""
        ...

    async def read(self, run_id: str) -> tuple[JournalEntry, ...]:
        """All entries in order; where two attempts wrote the same one, the later attempt's."""
        ...

    async def keep(self, run_id: str) -> None:
        """Begin the entries' time anew: the run waits."""
        ...

    async def discard(self, run_ids: Sequence[str]) -> None: ...


class Blobs(Protocol):
    """Large values, per workspace, with a lifetime."""

    async def put(self, workspace_id: str, blob_id: str, chunks: AsyncIterator[bytes], lifetime: timedelta) -> int:
        """Store a value; returns its size in bytes. A later one under the same id replaces it.

        Raises PayloadTooLarge.
        """
        ...

    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """The size and the bytes. Raises NotFound."""
        ...

    async def keep(self, workspace_id: str, blob_ids: Sequence[str], lifetime: timedelta) -> None:
        """Let these values live for at least `lifetime` from now."""
        ...

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` values whose time is over; returns how many."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A record of an attached run and, once it has ended, what it leaves behind."""

    record: RunBegan | RunRecorded
    result: Result | None = None


class Records(Protocol):
    """What attached runs tell of themselves."""

    async def write(self, records: Sequence[RecordedRun]) -> None:
        """Store them; a run that has ended is left as it is."""
        ...


@dataclass(frozen=True, slots=True)
class RememberedCancel:
    """A cancel of a run that was not known then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class DeadLetters(Protocol):
    """Messages that nobody could work on."""

    async def keep(self, letter: KeptLetter) -> None:
        """Store it; the same one again counts."""
        ...

    async def page(self, workspace_id: str | None, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """A workspace's and nobody's, or all; newest first. Raises InvalidRequest for a cursor that is none of ours."""
        ...

    async def find(self, letter_id: str, workspace_id: str | None) -> KeptLetter | None:
        """One of those that `page` shows."""
        ...

    async def discard(self, letter_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to one address."""

    id: str
    workspace_id: str
    workflow_id: str
    run_key: str
    url: str
    body: bytes
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A message that is to be sent now; `attempts` counts this one."""

    id: str
    workspace_id: str
    url: str
    body: bytes
    attempts: int
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class WayAnswer:
    """What an address answered; no status when it did not. `refused`: it is one that may not be called."""

    status: int | None
    reason: str = ""
    text: str = ""
    refused: bool = False


class Way(Protocol):
    """The guarded way out of the system."""

    def check(self, url: str) -> None:
        """Raises InvalidRequest for what is no address, or a closed one."""
        ...

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, workspace_id: str, seconds: float
    ) -> WayAnswer:
        """Never raises for what the address does."""
        ...


class Notices(Protocol):
    """Ended runs that somebody is to be told of, and the deliveries about them."""

    async def ended(self, limit: int) -> Mapping[str, EndedRun]:
        """Runs nobody was told of yet, by their keys."""
        ...

    async def announce(self, run_keys: Sequence[str], deliveries: Sequence[NewDelivery]) -> None:
        """Store the deliveries; these runs need no more."""
        ...

    async def take_due(self, limit: int) -> Sequence[DueDelivery]:
        """Deliveries that nobody else sends meanwhile."""
        ...

    async def delivered(self, due: DueDelivery, answer: WayAnswer) -> None: ...

    async def failed(self, due: DueDelivery, answer: WayAnswer, wait: timedelta | None) -> None:
        """It is due again after `wait`; None: never."""
        ...

    async def page(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage:
        """Newest first. Raises InvalidRequest for a cursor that is none of ours."""
        ...

    async def resend(self, workspace_id: str, delivery_id: str) -> bool:
        """Make it due now. False: there is none."""
        ...


class SubscriptionBook(Protocol):
    """Who wants to be told. `has_any` is answered from memory, at most seconds old."""

    def has_any(self, workspace_id: str) -> bool: ...

    async def refresh(self) -> None: ...

    async def of(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def save(self, workspace_id: str, subscription_id: str | None, asked: SaveSubscription) -> Subscription: ...

    async def delete(self, workspace_id: str, subscription_id: str) -> None: ...

    async def noted(self, subscription_id: str, *, arrived: bool, give_up_after: timedelta) -> None:
        """A delivery arrived or did not; what has failed for too long is not active any more."""
        ...


class SecretBox(Protocol):
    """Secrets that sign deliveries, sealed at rest."""

    async def secret_of(self, workspace_id: str, subscription_id: str) -> str | None: ...

    async def callback_secret(self, workspace_id: str, make: Callable[[], str] | None = None) -> str | None:
        """The workspace's secret for addresses that calls name; made by `make` where there is none."""
        ...


class CancelMemory(Protocol):
    """Cancels of runs that have not been seen, for a while."""

    async def remember(self, cancel: RememberedCancel) -> None: ...

    async def recall(self, run_ids: Iterable[str]) -> Sequence[RememberedCancel]: ...


class SpendBook(Protocol):
    """What workspaces spent on models, each run exactly once."""

    async def collect(self, limit: int) -> int:
        """Book up to `limit` ended runs; returns how many."""
        ...

    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """The sum of one month, `YYYY-MM`."""
        ...


class Conversations(Protocol):
    """What agents remember, each conversation bounded, by workspace and id."""

    async def read(self, workspace_id: str, conversation_id: str) -> Conversation:
        """The messages that are kept, none where there is no such conversation."""
        ...

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[Remembered], *, once: str
    ) -> None:
        """Add all messages or none; nothing the second time for one `once`. Raises PayloadTooLarge."""
        ...

    async def latest(self, workspace_id: str, limit: int, size: int) -> Sequence[Conversation]:
        """Up to `limit` conversations and about `size` bytes, those that changed last first."""
        ...

    async def forget(self, workspace_id: str, conversation_id: str) -> bool:
        """Delete a conversation; tells whether there was one."""
        ...


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run in a list, and what names the place behind it."""

    run: ViewedRun
    cursor: str


class RunLogs(Protocol):
    """Runs by what they did."""

    async def find(self, query: FindLogs) -> tuple[Sequence[LoggedRun], bool]:
        """Up to `query.limit` runs, and whether there are more. Raises InvalidRequest for a cursor that is none."""
        ...
