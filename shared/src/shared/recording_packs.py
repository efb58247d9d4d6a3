"""Packs of recordings, as workers send them and jobs-service stores them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from shared.batching import batches
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import PackedRecording, RecordingPack

PACK_BYTES: Final = 4 * 1024 * 1024
MAX_PACK_RECORDINGS: Final = 1_000
MIN_WEIGHT: Final = PACK_BYTES // MAX_PACK_RECORDINGS
"""Bytes for which a short recording counts in a pack: bounds the recordings that a deletion of one rewrites."""
ToPack = tuple[str, RecordRun, PackedRecording, bytes]
"""A recording for a pack: its workspace, its policy, its summary with the ticket, and its JSON."""


def pack_recordings(recordings: Iterable[ToPack]) -> Iterator[RecordingPack]:
    """Yield packs of at most 4 MiB; a longer recording is alone."""
    groups: defaultdict[tuple[str, str, RecordRun], list[ToPack]] = defaultdict(list)
    for each in recordings:
        workspace_id, record, recording, _ = each
        groups[workspace_id, recording.summary.workflow_id, record].append(each)
    for (workspace_id, workflow_id, record), group in groups.items():
        for part in batches(group, weigh=_weight, max_weight=PACK_BYTES):
            yield RecordingPack(
                workspace_id=workspace_id,
                workflow_id=workflow_id,
                record=record,
                recordings=tuple([recording for _, _, recording, _ in part]),
                content=b"".join([content for _, _, _, content in part]),
            )


def _weight(recording: ToPack) -> int:
    length = recording[2].length
    return length if length > MIN_WEIGHT else MIN_WEIGHT
