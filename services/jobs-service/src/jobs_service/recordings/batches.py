"""Stores a batch of recordings: each is accepted or refused separately."""

from collections.abc import Sequence
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
from shared.errors import InvalidRequest
from shared.ids import RUN_KEY_LENGTH
from shared.web.run_tickets import TicketChecks

DELETED: Final = "Recordings of this workflow were deleted after the run began"
TOO_MANY: Final = f"A batch has at most {MAX_BATCH_RECORDINGS} recordings"
BAD_ID: Final = f"A run id has at most {RUN_KEY_LENGTH} characters"
MAX_SUMMARY_BYTES: Final = 4 * 1024
"""A list decompresses and decodes the summaries of many packs."""
SHORT_TEXTS: Final = 512
"""Characters of a summary that is short however they are encoded."""
TOO_LONG: Final = f"The summary of a recording has at most {MAX_SUMMARY_BYTES} bytes"
_encode: Final = msgspec.json.Encoder().encode


async def store_batch(request: StoreRecordings, recordings: MongoRecordings, checks: TicketChecks) -> StoredRecordings:
    """Store the recordings whose ticket is that of their run. Raises InvalidRequest, Unavailable."""
    if len(request.recordings) > MAX_BATCH_RECORDINGS:
        raise InvalidRequest(TOO_MANY)
    refused: list[RefusedRecording] = []
    received: list[ReceivedRecording] = []
    for each, reason in zip(request.recordings, _refusals(request.recordings, checks), strict=True):
        run = each.summary.run_id
        if reason is None:
            received.append(ReceivedRecording((each.workspace_id, each.summary.workflow_id), run, each))
        else:
            refused.append(RefusedRecording(run, reason))
    stored = await recordings.put(received)
    refused += [RefusedRecording(each.run, DELETED) for each in received if each.run not in stored]
    return StoredRecordings(tuple(refused))


def is_too_long(summary: RecordingSummary) -> bool:
    """Return whether a summary is too long to be stored."""
    texts = len(summary.run_id) + len(summary.workflow_id) + len(summary.trigger) + len(summary.conversation_id or "")
    return texts > SHORT_TEXTS and len(_encode(summary)) > MAX_SUMMARY_BYTES


def _refusals(recordings: Sequence[BatchedRecording], checks: TicketChecks) -> list[str | None]:
    """Return why each recording is refused."""
    tickets = [(each.ticket, each.workspace_id, each.summary.workflow_id, each.summary.run_id) for each in recordings]
    return [reason or _unfit(each.summary) for each, reason in zip(recordings, checks.refusals(tickets), strict=True)]


def _unfit(summary: RecordingSummary) -> str | None:
    if len(summary.run_id) > RUN_KEY_LENGTH:
        return BAD_ID
    return TOO_LONG if is_too_long(summary) else None
