"""Broker messages and their envelope."""

from datetime import datetime
from typing import Any, Final

import msgspec

from shared.contracts.events import RunEnded, RunEvent, RunExpired
from shared.contracts.jobs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunSpec, Usage

ENVELOPE_VERSION: Final = 1
MAX_BUNDLE_BYTES: Final = 257 * 1024
"""A larger body is read as a single message: millions of tiny parts would take many times their size in memory."""


class AttachedRunRequested(msgspec.Struct, frozen=True, tag="run.attached"):
    """Run this now and stream the events to `reply_to`, while the caller is connected."""

    run: RunSpec
    reply_to: str
    attempt: int = 0
    """Number of earlier dispatches that no worker started. Its events carry the same number."""
    ticket: str = ""
    """Ticket that lets the worker read the run's data; earlier versions sent none."""


class DurableRunDispatched(msgspec.Struct, frozen=True, tag="run.dispatched"):
    """A stored run is due. The worker claims it at jobs-service, which returns the run."""

    run_id: str
    dispatch_id: str
    workspace_id: str


class EventBatch(msgspec.Struct, frozen=True, omit_defaults=True, tag="run.events"):
    """Consecutive events of one run; `seq` counts batches of one attempt from 0.

    Readers of a durable run may reconnect: `first` is the number of the first event here, from 0 in each attempt;
    attempts count from 1, those of an attached run from 0.
    """

    run_id: str
    seq: int
    events: tuple[RunEvent, ...]
    attempt: int = 0
    first: int = 0

    @property
    def reported_loss(self) -> RunOutcome | None:
        """Return how a run ended after its worker was lost, as reported by the next worker; None otherwise.

        A worker that begins a run first reports that: no other end of an attached run comes alone.
        """
        match self:
            case EventBatch(seq=0, events=(RunEnded(outcome=outcome),)) if outcome.is_loss:
                return outcome
        return None

    @property
    def is_expiry(self) -> bool:
        """Return whether it reports only that the run left all queues."""
        return self.events == (RunExpired(),)


class RunBegan(msgspec.Struct, frozen=True, tag="began"):
    """An attached run started and appears in run lists."""

    run: RunSpec
    started_at: datetime


class RunRecorded(msgspec.Struct, frozen=True, omit_defaults=True, tag="ended"):
    """An attached run ended. Stored once per run id: the first terminal state wins."""

    run: RunSpec
    outcome: RunOutcome
    blocks: tuple[BlockLog, ...] = ()
    usage: Usage = Usage()
    stored_blocks: Payload | None = None
    """The blocks, if too large for a message."""


def without_data(record: RunBegan | RunRecorded) -> RunBegan | RunRecorded:
    """Return `record` without inputs and outputs, keeping times, outcome and cost."""
    run = record.run.without_input()
    if isinstance(record, RunBegan):
        return msgspec.structs.replace(record, run=run)
    outcome = record.outcome.without_data()
    return msgspec.structs.replace(record, run=run, outcome=outcome, blocks=(), stored_blocks=None)


def storable(record: RunBegan | RunRecorded) -> RunBegan | RunRecorded:
    """Return `record` with the data that its run allows to be stored."""
    return record if record.run.stores_data else without_data(record)


class RecordBatch(msgspec.Struct, frozen=True, tag="run.records"):
    """Recent records of one worker, in order. Batched, since every attached run sends one or two."""

    records: tuple[RunBegan | RunRecorded, ...]


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True, tag="bundle"):
    """Messages that one process published to one queue in one event-loop turn, each in its envelope."""

    parts: tuple[msgspec.Raw, ...]
    redelivered: bool = False
    """A worker received these before and could not settle them."""
    worker: str = ""
    """The worker that replies; empty if the process is not a worker."""
    free: int = 0
    """Number of interactive runs the worker could still begin when it replied."""


class CancelRun(msgspec.Struct, frozen=True, tag="control.cancel"):
    """Stop this run, in any process that holds it."""

    run_id: str
    reason: str = "cancelled"


class FollowRun(msgspec.Struct, frozen=True, tag="control.follow"):
    """Send this durable run's events to this reply address too, until no longer repeated."""

    run_id: str
    reply_to: str


class AnnounceRun(msgspec.Struct, frozen=True, tag="control.announce"):
    """Record this attached run now, in the gateway that waits for it: it was requested."""

    run_id: str


class KeyRevoked(msgspec.Struct, frozen=True, tag="control.key_revoked"):
    """Remove this key from caches immediately."""

    key_hash: str


class LiveVersionChanged(msgspec.Struct, frozen=True, tag="control.live_version"):
    """A workflow was deployed, promoted, undeployed or got another access mode."""

    workflow_id: str
    revision: int


SingleMessage = (
    AttachedRunRequested
    | DurableRunDispatched
    | EventBatch
    | RecordBatch
    | CancelRun
    | FollowRun
    | AnnounceRun
    | KeyRevoked
    | LiveVersionChanged
)
Message = SingleMessage | Bundle
ControlMessage = CancelRun | FollowRun | AnnounceRun | KeyRevoked | LiveVersionChanged


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Wire format: one version number, one trace, one message."""

    v: int
    message: Message
    traceparent: str | None = None


class _LargeEnvelope(msgspec.Struct, frozen=True):
    """An envelope without a bundle."""

    v: int
    message: SingleMessage
    traceparent: str | None = None


class UnreadableMessage(ValueError):
    """Bytes that are no message of a known version. Dead-lettered, never redelivered."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)
_large_decoder = msgspec.json.Decoder(_LargeEnvelope)


def encode(message: Message, *, traceparent: str | None = None) -> bytes:
    """Return `message` encoded for the broker."""
    return _encoder.encode(Envelope(v=ENVELOPE_VERSION, message=message, traceparent=traceparent))


def decode(body: bytes) -> Envelope:
    """Decode a broker body.

    Raises UnreadableMessage for anything that is not a message of a known version.
    """
    try:
        if len(body) > MAX_BUNDLE_BYTES:
            large = _large_decoder.decode(body)
            envelope = Envelope(large.v, large.message, large.traceparent)
        else:
            envelope = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableMessage(str(error)) from error
    if envelope.v != ENVELOPE_VERSION:
        raise UnreadableMessage(f"unknown envelope version {envelope.v}")
    return envelope


def raw(body: bytes) -> msgspec.Raw:
    """Return an encoded message for a bundle."""
    return msgspec.Raw(body)


def to_json(value: Any) -> msgspec.Raw:
    """Return `value` as raw JSON, which is not parsed again."""
    return msgspec.Raw(_encoder.encode(value))
