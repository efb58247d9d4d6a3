"""Documents of replay sets and their recorded runs. Results are encrypted, since they show recorded values."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from jobs_service.recordings.repository import StoredRecording
from jobs_service.replay_sets.rules import WAITING, OpenSet, Purpose, RunOfSet
from jobs_service.store import from_ms
from shared.contracts.recordings import ReplayResult
from shared.contracts.replay_sets import CreateReplaySet, ReplayCounts, ReplaySet, ReplaySetStatus
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.sealed import Sealed
from shared.store.client import Document, Store
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments, read_sealed

REPLAY_SETS: Final = "replay_sets"
REPLAYED_RUNS: Final = "replayed_runs"
INDEXES: Final = (
    Index(REPLAY_SETS, ascending("workspace_id", "workflow_id", "position")),
    Index(REPLAY_SETS, ascending("status")),
    Index(REPLAY_SETS, ascending("expires_at"), expire_after_seconds=0),
    Index(REPLAYED_RUNS, ascending("set_id", "purpose", "number")),
    Index(REPLAYED_RUNS, ascending("set_id", "state", "purpose", "number")),
    Index(REPLAYED_RUNS, ascending("workspace_id", "workflow_id", "run")),
    Index(REPLAYED_RUNS, ascending("result.key_id")),
    Index(REPLAYED_RUNS, ascending("expires_at"), expire_after_seconds=0),
)
RESULT: Final = "result"
"""Encrypted result of a replay."""

_encode: Final = msgspec.json.Encoder().encode
_decode_request: Final = msgspec.json.Decoder(CreateReplaySet).decode
_decode_result: Final = msgspec.json.Decoder(ReplayResult).decode
_decode_suggestions: Final = msgspec.json.Decoder(tuple[str, ...]).decode


class ResultCipher:
    """Encrypts results of replays, each for its recorded run."""

    def __init__(self, key_ring: AesGcmKeyRing) -> None:
        self._key_ring = key_ring

    def seal(self, run: RunOfSet, workspace_id: str, result: ReplayResult) -> Sealed:
        """Encrypt a result. Raises Unavailable without an encryption key."""
        return self._key_ring.seal(_encode(result).decode(), workspace_id=workspace_id, name=_name(run.id))

    def open(self, document: Document) -> ReplayResult | None:
        """Return the result in a run's document. Raises Unavailable if it cannot be decrypted."""
        if RESULT not in document:
            return None
        sealed, workspace_id = read_sealed(document[RESULT]), document["workspace_id"]
        return _decode_result(self._key_ring.open(sealed, workspace_id=workspace_id, name=_name(document["_id"])))


def sealed_results(store: Store) -> SealedDocuments:
    """Return the results of replays, for key rotation."""
    return SealedDocuments(
        store.collection(REPLAYED_RUNS), RESULT, lambda each: (each["workspace_id"], _name(each["_id"]))
    )


def owner_of(request: CreateReplaySet) -> Document:
    """Return the fields that name the workspace and the workflow of a set."""
    snapshot = request.run.snapshot
    return {"workspace_id": snapshot.workspace_id, "workflow_id": snapshot.workflow_id}


def new_set(request: CreateReplaySet, *, total: int, now: int, expires_at: datetime) -> Document:
    """Return the document of a set of `total` recorded runs."""
    return {
        "_id": request.id,
        **owner_of(request),
        "position": f"{now:015d}-{request.id}",
        "status": ReplaySetStatus.RUNNING.value,
        "created_ms": now,
        "expires_at": expires_at,
        "request": _encode(request),
        "total": total,
        "model_calls": 0,
        "spent_usd": 0.0,
    }


def new_runs(request: CreateReplaySet, recorded: Sequence[StoredRecording]) -> list[Document]:
    """Return the documents of a set's recorded runs."""
    owner = owner_of(request)
    return [
        {
            "_id": f"{request.id}/{number}",
            "set_id": request.id,
            **owner,
            "number": number,
            "run": each.run,
            "purpose": Purpose.COMPARE.value,
            "state": WAITING,
            "expires_at": each.expires_at,
        }
        for number, each in enumerate(recorded)
    ]


def new_measurement(open_set: OpenSet, run: RunOfSet) -> Document:
    """Return the document of a measurement of a recorded run."""
    return {
        "_id": run.id,
        "set_id": open_set.id,
        **owner_of(open_set.request),
        "number": run.number,
        "run": run.run,
        "purpose": Purpose.MEASURE.value,
        "round": run.round,
        "snapshot_hash": run.snapshot_hash,
        "version": run.version,
        "state": WAITING,
        "expires_at": open_set.expires_at,
    }


def encode_suggestions(suggestions: Sequence[str]) -> bytes:
    """Return fields to ignore as they are stored."""
    return _encode(list(suggestions))


def request_of(document: Document) -> CreateReplaySet:
    """Return the request that created a set."""
    return _decode_request(document["request"])


def to_set(document: Document) -> ReplaySet:
    """Return the set in a document."""
    request, found = request_of(document), document.get
    finished, suggestions = found("finished_ms"), found("suggestions")
    return ReplaySet(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        workflow_id=document["workflow_id"],
        status=ReplaySetStatus(document["status"]),
        created_at=from_ms(document["created_ms"]),
        finished_at=None if finished is None else from_ms(finished),
        expires_at=document["expires_at"],
        created_by=request.created_by,
        snapshot_hash=request.run.snapshot.snapshot_hash,
        version=request.run.snapshot.version,
        is_draft=request.is_draft,
        ignore=request.ignore,
        thresholds=request.thresholds,
        budget=request.budget,
        total=document["total"],
        counts=ReplayCounts(**found("counts", {})),
        recorded_p50_ms=found("recorded_p50_ms"),
        replayed_p50_ms=found("replayed_p50_ms"),
        recorded_usd=found("recorded_usd", 0.0),
        replayed_usd=document["replayed_usd"] if "replayed_usd" in document else document["spent_usd"],
        model_calls=found("model_calls", 0),
        suggested_ignore=None if suggestions is None else _decode_suggestions(suggestions),
        refusals=tuple(found("refusals", ())),
    )


def to_run(document: Document) -> RunOfSet:
    """Return the recorded run in a document, without its result."""
    return RunOfSet(
        id=document["_id"],
        set_id=document["set_id"],
        number=document["number"],
        run=document["run"],
        purpose=Purpose(document["purpose"]),
        round=document.get("round", 0),
        state=document["state"],
        snapshot_hash=document.get("snapshot_hash"),
        version=document.get("version"),
    )


def _name(run: str) -> str:
    return f"replay/{run}"
