"""Stores packs of recordings: each recording is accepted or refused separately."""

from collections.abc import Sequence
from typing import Final

import msgspec

from jobs_service.recordings.packs import PackEntry, select
from jobs_service.recordings.repository import MongoRecordings, ReceivedPack
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    RecordingPack,
    RecordingSummary,
    RefusedRecording,
    StoredRecordings,
)
from shared.errors import InvalidRequest
from shared.ids import RUN_KEY_LENGTH
from shared.web.run_tickets import TicketChecks

DELETED: Final = "Recordings of this workflow were deleted after the run began"
BAD_LENGTHS: Final = "The lengths of the recordings do not add up to the content of their pack"
OTHER_WORKFLOW: Final = "The recording is of another workflow than its pack"
TOO_MANY: Final = f"A batch has at most {MAX_BATCH_RECORDINGS} recordings"
BAD_ID: Final = f"A run id has at most {RUN_KEY_LENGTH} characters"
MAX_SUMMARY_BYTES: Final = 4 * 1024
"""A list decompresses and decodes the summaries of many packs."""
SHORT_TEXTS: Final = 512
"""Characters of a summary that is short however they are encoded."""
TOO_LONG: Final = f"The summary of a recording has at most {MAX_SUMMARY_BYTES} bytes"
_encode: Final = msgspec.json.Encoder().encode


async def store_packs(
    packs: Sequence[RecordingPack], recordings: MongoRecordings, checks: TicketChecks
) -> StoredRecordings:
    """Store the recordings whose ticket is that of their run. Raises InvalidRequest, Unavailable."""
    if sum(len(each.recordings) for each in packs) > MAX_BATCH_RECORDINGS:
        raise InvalidRequest(TOO_MANY)
    refused: list[RefusedRecording] = []
    received: list[ReceivedPack] = []
    seen: set[str] = set()
    for pack in reversed(packs):  # the last recording of a run wins
        reasons = _refusals(pack, checks)
        refused += [
            RefusedRecording(each.summary.run_id, reason)
            for each, reason in zip(pack.recordings, reasons, strict=True)
            if reason is not None
        ]
        received.append(_accepted(pack, reasons, seen))
    stored = await recordings.put([each for each in received if each.entries])
    deleted = (each for each in received if each not in stored)
    refused += [RefusedRecording(entry.run, DELETED) for each in deleted for entry in each.entries]
    return StoredRecordings(tuple(refused))


def is_too_long(summary: RecordingSummary) -> bool:
    """Return whether a summary is too long to be stored."""
    texts = len(summary.run_id) + len(summary.workflow_id) + len(summary.trigger) + len(summary.conversation_id or "")
    return texts > SHORT_TEXTS and len(_encode(summary)) > MAX_SUMMARY_BYTES


def _accepted(pack: RecordingPack, reasons: Sequence[str | None], seen: set[str]) -> ReceivedPack:
    """Return a pack without refused recordings and without runs in `seen`, and add its runs to `seen`.

    If a run has several recordings, only the last one is included. Raises InvalidRequest.
    """
    entries = [PackEntry(each.summary.run_id, each.length, each.summary) for each in pack.recordings]
    lengths = [each.length for each in entries]
    if sum(lengths) != len(pack.content) or min(lengths, default=0) < 0:
        raise InvalidRequest(BAD_LENGTHS)
    owner, content = (pack.workspace_id, pack.workflow_id), pack.content
    last = {
        entry.run: at
        for at, (entry, reason) in enumerate(zip(entries, reasons, strict=True))
        if reason is None and entry.run not in seen
    }
    seen |= last.keys()
    if len(last) < len(entries):
        entries, content = select(entries, content, [last.get(each.run) == at for at, each in enumerate(entries)])
    return ReceivedPack(owner, pack.record, entries, content)


def _refusals(pack: RecordingPack, checks: TicketChecks) -> list[str | None]:
    """Return the reason why each recording is refused; None for an accepted one."""
    tickets, runs = [each.ticket for each in pack.recordings], [each.summary.run_id for each in pack.recordings]
    reasons = checks.refusals(tickets, pack.workspace_id, pack.workflow_id, runs)
    return [reason or _unfit(each.summary, pack) for each, reason in zip(pack.recordings, reasons, strict=True)]


def _unfit(summary: RecordingSummary, pack: RecordingPack) -> str | None:
    if summary.workflow_id != pack.workflow_id:
        return OTHER_WORKFLOW
    if len(summary.run_id) > RUN_KEY_LENGTH:
        return BAD_ID
    return TOO_LONG if is_too_long(summary) else None
