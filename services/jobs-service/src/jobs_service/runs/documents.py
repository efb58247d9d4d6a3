"""Documents of the `runs` collection, shared by all adapters of runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Protocol
from zlib import crc32

import bson
import msgspec

from jobs_service.runs.run import Pause, Phase, Run
from jobs_service.runs.words import NO_WORDS, HashedWords
from jobs_service.store import from_ms, to_ms
from shared.clock import ms_between
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunError, RunSpec, Usage
from shared.store.client import Document
from shared.store.indexes import Index, ascending
from shared.store.pagination import position_of
from shared.store.payloads import decode_payload, encode_payload


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run, and the store's time when it was read."""

    run: Run
    now: datetime


@dataclass(frozen=True, slots=True)
class ClaimableRun(LoadedRun):
    """A run with everything a worker needs."""

    spec: RunSpec
    state: Payload | None = None
    """Engine state when the run became durable."""
    shown: tuple[Payload, ...] = ()
    """Results so far: an output, block results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Result of a run. Large values are already in blobs."""

    output: Payload | None = None
    blocks: Payload | None = None
    usage: Usage = field(default_factory=Usage)
    duration_ms: float | None = None
    words: HashedWords = NO_WORDS
    """Words of an ended run's values, for the search index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedRun:
    """A paused attached run with everything needed to continue without its caller."""

    run: Run
    spec: RunSpec
    state: Payload
    result: RunResult


@dataclass(frozen=True, slots=True)
class RunHooks:
    """Callbacks of a repository that stores runs. By default nothing subscribes or observes."""

    has_subscribers: Callable[[str], bool] = lambda _workspace_id: False
    """Returns whether a workspace subscribes to the ends of its runs."""
    observe: Callable[[Run, RunResult | None], None] = lambda _run, _result: None
    """Receives each stored run, and its result if a worker reported one."""


NO_HOOKS: Final = RunHooks()


class RunRepository(Protocol):
    """Storage of single runs."""

    async def now(self) -> datetime: ...

    async def load(self, run_id: str) -> LoadedRun | None: ...

    async def claimable(self, run_id: str) -> ClaimableRun | None:
        """Return a durable run with its specification."""

    async def replace(self, before: Run, after: Run, result: RunResult | None = None) -> bool:
        """Store `after` if the run still equals `before`; return False if it was changed.

        QueueState.unbooked contains a waiting run that leaves the queue from then on.
        """

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Renew the lease of `attempt`. False: it does not hold the run, or the run is being canceled."""

    async def find_overdue(self, limit: int, now: datetime, *, in_progress: bool = True) -> Sequence[LoadedRun]:
        """Return the runs due at `now`, the store's time; without `in_progress`, those without a worker."""

    async def expire_attached(self) -> None:
        """Make every attached run overdue: no process can report their ends."""

    async def adopt(self, adopted: AdoptedRun) -> bool:
        """Make an attached run durable. False: it already is, has ended, or is being canceled."""

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        """Reserve an id for an attached run of this workflow; return False if it is taken."""

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Release a reserved id whose run never appeared."""


RUNS: Final = "runs"

UNSETTLED: Final = "unbooked"
"""Marks a run that left the queue undispatched, until the capacity counters reflect it."""

UNCHARGED: Final = "uncharged"
"""Marks a durable run with costs until its workspace's spend includes them."""

CHARGE: Final = "charge_id"
"""The charge that books an attached run's costs. See spend/charges.py."""

PENDING_NOTICE: Final = "untold"
"""Marks an ended run whose deliveries are not written yet."""

INPUT_BLOB: Final = "input_blob"
"""Location of a large input, which a deletion must find even if the run's specification is not stored."""

BARE_SPEC: Final = "bare_spec"
"""Specification without its input: replaces the specification when a run ends whose input is not stored."""

WANTS_NOTICE: Final = "tells"
"""Name of the mark until the end of a run whose caller requested a notification."""

RESERVATION: Final = "offer_id"
"""Stored name: the reservation that stored a durable run."""

SEARCH_IS_CUT: Final = "search_cut"
"""Marks a run of whose words the search index contains only a part."""

KEEPS_JOURNAL: Final = "keeps_journal"
"""Marks a run whose journal stays after a failure."""

DISCARDS_JOURNAL: Final = "discards_journal"
"""Marks a run whose workflow stopped storing data before the run's journal was deleted."""

REPAIR_OF: Final = "repair_of"
"""The failed run that this run repairs."""

IS_REPLAY: Final = "is_replay"
"""Marks a run of a replay set, which takes no concurrency slot of its workspace."""

INDEXES: Final = (
    Index(RUNS, ascending("job_id"), unique=True, sparse=True),
    Index(RUNS, ascending("phase", "workspace_id", "position", "_id")),
    Index(RUNS, ascending("phase", "due_ms")),
    Index(RUNS, ascending("workspace_id", "workflow_id", "position", "_id")),
    Index(RUNS, ascending("workspace_id", "position", "_id")),
    Index(RUNS, ascending(UNSETTLED), sparse=True),
    Index(RUNS, ascending(UNCHARGED), sparse=True),
    Index(RUNS, ascending("expires_at"), expire_after_seconds=0),
)

BIG_FIELDS: Final = ("spec", BARE_SPEC, "output", "blocks", "state")
STATE_ONLY: Final = dict.fromkeys(BIG_FIELDS, 0)

_encode = msgspec.json.Encoder().encode
_decode_spec = msgspec.json.Decoder(RunSpec).decode
_decode_error = msgspec.json.Decoder(RunError).decode
_decode_pauses = msgspec.json.Decoder(tuple[Pause, ...]).decode
_decode_usage = msgspec.json.Decoder(Usage).decode


def state_fields(run: Run) -> Document:
    """Return all fields that change during a run's life."""
    return {
        "phase": run.phase.value,
        "status": run.status.value,
        "revision": run.revision,
        "attempt": run.attempt,
        "losses": run.losses,
        "dispatch_id": run.dispatch_id,
        "dispatch_ids": list(run.dispatch_ids),
        "dispatches": run.dispatches,
        "held_dispatch_id": run.held_dispatch_id,
        "worker_id": run.worker_id,
        "claim_id": run.claim_id,
        "due_ms": _ms(run.due_at),
        "started_ms": _ms(run.started_at),
        "deadline_ms": _ms(run.deadline_at),
        "ended_ms": _ms(run.ended_at),
        "result_until_ms": _ms(run.result_until),
        "expires_at": run.expires_at,
        "ended_by": run.ended_by,
        "cancel_requested": run.cancel_requested,
        "error": _encode(run.error) if run.error else None,
        "pauses": _encode(run.pauses) if run.pauses else None,
        "paused_ms": _ms(run.paused_at),
    }


def new_document(run: Run, spec: RunSpec, *, order: int) -> Document:
    """Return a new run's document, without fields that have no value yet."""
    fixed = {
        "_id": run.id,
        "workspace_id": run.workspace_id,
        "workflow_id": run.workflow_id,
        "mode": spec.mode.value,
        "trigger": spec.trigger.value,
        "version": spec.snapshot.version,
        "version_id": spec.snapshot.version_id,
        "conversation_id": spec.conversation_id,
        "caller_name": spec.caller_name,
        "time_limit_ms": run.time_limit_ms,
        "limit_text_ms": run.limit_text_ms,
        "log_retention_ms": run.log_retention_ms or None,
        KEEPS_JOURNAL: run.keeps_journal or None,
        REPAIR_OF: spec.repair_of,
        IS_REPLAY: run.is_replay or None,
        "created_ms": to_ms(run.created_at),
        "position": position_of(run.created_at, order),
    }
    fixed[INPUT_BLOB] = spec.input.blob_id
    return {name: value for name, value in (fixed | state_fields(run)).items() if value is not None}


def order_of_attached(run_id: str) -> int:
    """Return a stable order among attached runs of one millisecond, which have no batch."""
    return crc32(run_id.encode())


def changes(before: Run, after: Run) -> Document:
    """Return the fields that an update must set."""
    old, new = state_fields(before), state_fields(after)
    return {name: value for name, value in new.items() if value != old[name] and name != "revision"}


def result_fields(result: RunResult, *, charge_id: str | None = None) -> Document:
    """Return the result's fields. `charge_id`: the charge that books it instead of a mark."""
    fields: Document = {"duration_ms": result.duration_ms}
    for name, payload in (("output", result.output), ("blocks", result.blocks)):
        if payload is not None and payload != Payload():
            fields[name] = encode_payload(payload)
    if result.words.is_cut:
        fields[SEARCH_IS_CUT] = True
    if result.usage != Usage():
        fields |= {"usage": _encode(result.usage), "models": sorted(result.usage.models)}
        fields |= {UNCHARGED: True} if charge_id is None else {CHARGE: charge_id}
        fields |= {"cost_usd": result.usage.cost_usd} if result.usage.cost_usd else {}
    return fields


def length_fields(run: Run) -> Document:
    """Return the duration of an ended run whose worker did not report."""
    if run.started_at is None or run.ended_at is None:
        return {}
    return {"duration_ms": ms_between(run.started_at, run.ended_at)}


def to_run(document: Document) -> Run:
    """Return the state of a stored run."""
    found = document.get
    error = found("error")
    return Run(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        workflow_id=found("workflow_id", ""),
        phase=Phase(document["phase"]),
        time_limit_ms=found("time_limit_ms", 0),
        limit_text_ms=found("limit_text_ms", 0),
        log_retention_ms=found("log_retention_ms", 0),
        keeps_journal=found(KEEPS_JOURNAL, False),
        created_at=from_ms(document["created_ms"]),
        revision=document["revision"],
        attempt=found("attempt", 0),
        losses=found("losses", 0),
        dispatch_id=found("dispatch_id"),
        dispatch_ids=tuple(found("dispatch_ids", ())),
        dispatches=found("dispatches", 0),
        held_dispatch_id=found("held_dispatch_id"),
        worker_id=found("worker_id"),
        claim_id=found("claim_id"),
        due_at=_moment(found("due_ms")),
        started_at=_moment(found("started_ms")),
        deadline_at=_moment(found("deadline_ms")),
        ended_at=_moment(found("ended_ms")),
        result_until=_moment(found("result_until_ms")),
        expires_at=found("expires_at"),
        ended_by=found("ended_by"),
        cancel_requested=found("cancel_requested", False),
        error=_decode_error(error) if error else None,
        pauses=_decode_pauses(pauses) if (pauses := found("pauses")) else (),
        paused_at=_moment(found("paused_ms")),
        trigger=found("trigger", ""),
        version=found("version"),
        is_replay=found(IS_REPLAY, False),
    )


def encode_spec(spec: RunSpec) -> bytes:
    """Encode a specification as JSON, which preserves its input exactly."""
    return _encode(spec)


def spec_fields(spec: RunSpec) -> Document:
    """Return a durable run's specification, and the part to retain."""
    bare = {} if spec.stores_data else {BARE_SPEC: _encode(spec.without_input())}
    return {"spec": encode_spec(spec), **bare}


def decode_spec(stored: bytes) -> RunSpec:
    """Return a stored run's specification."""
    return _decode_spec(stored)


def decode_usage(stored: bytes | None) -> Usage:
    """Return a stored run's usage."""
    return _decode_usage(stored) if stored else Usage()


def payload_in(document: Document, name: str) -> Payload | None:
    """Return a value of a stored run, if present."""
    stored = document.get(name)
    return None if stored is None else decode_payload(stored)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


CHANGE: Final = "change_id"
"""Id of the last grouped change of a run; it shows whose change took effect."""
_END_REPLACEMENTS: Final = {"spec": f"${BARE_SPEC}", PENDING_NOTICE: f"${WANTS_NOTICE}"}
"""Replacements at the end of a run, where present."""
_END_REMOVALS: Final = (BARE_SPEC, WANTS_NOTICE, "state")


@dataclass(frozen=True)
class RunChange:
    """Fields to set in a run that is still at this revision."""

    run_id: str
    revision: int
    fields: Document
    is_end: bool
    """Whether the run has ended: fields that only an active run needs are removed."""

    @property
    def kind(self) -> tuple[int, bool]:
        """Return the kind; one statement can make all changes of a kind."""
        return self.revision, self.is_end

    @cached_property
    def size(self) -> int:
        """Return the approximate bytes in a statement."""
        return len(bson.encode(self.fields))

    def marked(self, change_id: str) -> "RunChange":
        """Return the change marked with `change_id`, to be recognized later."""
        return replace(self, fields=self.fields | {CHANGE: change_id})


def statement_of(changes: Sequence[RunChange]) -> tuple[Document, list[dict[str, Any]]]:
    """Return the filter and the update of `changes`, which are all of one kind."""
    run_ids = [change.run_id for change in changes]
    fields = [change.fields | {"revision": change.revision + 1} for change in changes]
    revision, is_end = changes[0].kind
    after = _ended(own_fields(run_ids, fields)) if is_end else merged_fields(run_ids, fields)
    return {"_id": {"$in": run_ids}, "revision": revision}, [{"$replaceWith": after}]


def merged_fields(ids: Sequence[str], fields: Sequence[Document]) -> Document:
    """Return an expression for a document with its own fields: those at the position of its id."""
    return {"$mergeObjects": ["$$ROOT", own_fields(ids, fields)]}


def own_fields(ids: Sequence[str], fields: Sequence[Document]) -> Document:
    """Return an expression for the fields at the position of the document's id.

    MongoDB and SecantusDB use an index for this. SecantusDB would evaluate the branches of a `$switch` for every
    document.
    """
    position = {"$indexOfArray": [{"$literal": list(ids)}, "$_id"]}
    return {"$arrayElemAt": [{"$literal": list(fields)}, position]}


def _ended(fields: Document) -> Document:
    """Return the run after its last change, in one stage: SecantusDB copies the document for each `$set`."""
    after: Document = {"$mergeObjects": ["$$ROOT", fields, _END_REPLACEMENTS]}
    for name in _END_REMOVALS:
        after = {"$setField": {"field": name, "input": after, "value": "$$REMOVE"}}
    return after
