"""Stores a batch of recordings: each is accepted or refused separately."""

from typing import Final

import msgspec

from jobs_service.recordings.repository import MongoRecordings, ReceivedRecording
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    BatchedRecording,
    RecordingSummary,
    RefusedRecording,
    StoredRecordings,
    StoreRecordings,
)
from shared.errors import InvalidRequest, RunTicketRefused
from shared.ids import RUN_KEY_LENGTH
from shared.web.run_tickets import TicketChecks

DELETED: Final = "Recordings of this workflow were deleted after the run began"
TOO_MANY: Final = f"A batch has at most {MAX_BATCH_RECORDINGS} recordings"
BAD_ID: Final = f"A run id has at most {RUN_KEY_LENGTH} characters"
MAX_SUMMARY_BYTES: Final = 4 * 1024
"""A list decompresses and decodes the summaries of many packs."""
TOO_LONG: Final = f"The summary of a recording has at most {MAX_SUMMARY_BYTES} bytes"
_encode: Final = msgspec.json.Encoder().encode


async def store_batch(request: StoreRecordings, recordings: MongoRecordings, checks: TicketChecks) -> StoredRecordings:
    """Store the recordings whose ticket is that of their run. Raises InvalidRequest, Unavailable."""
    if len(request.recordings) > MAX_BATCH_RECORDINGS:
        raise InvalidRequest(TOO_MANY)
    refused: list[RefusedRecording] = []
    received: list[ReceivedRecording] = []
    for each in request.recordings:
        run = each.summary.run_id
        reason = _refusal(each, checks)
        if reason is None:
            received.append(ReceivedRecording(each.workspace_id, run, each))
        else:
            refused.append(RefusedRecording(run, reason))
    stored = await recordings.put(received)
    refused += [RefusedRecording(each.run, DELETED) for each in received if each.run not in stored]
    return StoredRecordings(tuple(refused))


def is_too_long(summary: RecordingSummary) -> bool:
    """Return whether a summary is too long to be stored."""
    return len(_encode(summary)) > MAX_SUMMARY_BYTES


def _refusal(recording: BatchedRecording, checks: TicketChecks) -> str | None:
    summary = recording.summary
    if len(summary.run_id) > RUN_KEY_LENGTH:
        return BAD_ID
    if is_too_long(summary):
        return TOO_LONG
    try:
        checks.verify(recording.ticket).require(
            workspace_id=recording.workspace_id, workflow_id=summary.workflow_id, run_id=summary.run_id
        )
    except RunTicketRefused as error:
        return error.message
    return None
