"""Replay sets and their recorded runs in MongoDB.

A set is stored after its runs, so that the runner never sees part of one. Only the runner and a cancellation change
a run, each from a named state, so that repeating a step changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

import bson
import msgspec
from pymongo.errors import DuplicateKeyError

from jobs_service.recordings.repository import RecordingSelection, StoredRecording
from jobs_service.replay_sets.documents import (
    REPLAY_SETS,
    REPLAYED_RUNS,
    RESULT,
    ResultCipher,
    encode_suggestions,
    new_measurement,
    new_runs,
    new_set,
    owner_of,
    request_of,
    to_run,
    to_set,
)
from jobs_service.replay_sets.rules import (
    DONE,
    OVER_BUDGET,
    RECORDING_DELETED,
    STARTED,
    WAITING,
    Judged,
    Judgement,
    OpenSet,
    Purpose,
    RunOfSet,
)
from jobs_service.runs.documents import merged_fields
from jobs_service.store import from_ms, insert_new, now_ms
from shared.batching import batches
from shared.contracts.replay_sets import (
    CreateReplaySet,
    ReplayCounts,
    ReplayedRun,
    ReplayedRunPage,
    ReplayedVerdict,
    ReplaySet,
    ReplaySetPage,
    ReplaySetStatus,
)
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import public_run_id
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Document, Store, store_call

NO_RECORDINGS: Final = "The workflow has no recorded runs"
MISSING: Final = "Replay not found"
REUSED_KEY: Final = "The Idempotency-Key was used for another request"
MAX_OPEN_SETS: Final = 20
"""Sets of one workspace that are in progress."""
SETTLED_BYTES: Final = 4 * 1024 * 1024
"""Limit for the results in one statement, which can have 16 MiB. A longer result is alone."""
TOO_MANY: Final = f"The workspace has {MAX_OPEN_SETS} replays in progress. Wait until one ends, or cancel one."
_SHORTEST: Final = timedelta(hours=1)
"""A set outlives its recordings if they are about to expire, so that its result can be read."""

_IS_FORGOTTEN: Final = "is_forgotten"
"""Marks replays in progress whose recording was deleted, and sets whose workflow has no recordings anymore."""
_DELETED: Final[Document] = {"state": DONE, "verdict": ReplayedVerdict.SKIPPED.value, "reason": RECORDING_DELETED}


class MongoReplaySets:
    """Implements ReplaySetRepository."""

    def __init__(self, store: Store, key_ring: AesGcmKeyRing) -> None:
        self._store = store
        self._cipher = ResultCipher(key_ring)
        self._sets = store.collection(REPLAY_SETS)
        self._runs = store.collection(REPLAYED_RUNS)
        self._recordings = RecordingSelection(store)

    @store_call
    async def create(self, request: CreateReplaySet) -> ReplaySet:
        owner = owner_of(request)
        stored = await self._sets.find_one({"_id": request.id})
        if stored is not None:
            return _repeated(stored, owner, request)
        mine = {"status": ReplaySetStatus.RUNNING.value, "workspace_id": request.run.snapshot.workspace_id}
        if await self._sets.count_documents(mine) >= MAX_OPEN_SETS:
            raise Conflict(TOO_MANY)
        now = await now_ms(self._store)
        recorded = await self._select(request, owner, from_ms(now))
        runs = new_runs(request, recorded)
        await self._insert_runs(request, runs)
        expires_at = max(from_ms(now) + _SHORTEST, *(each.expires_at for each in recorded))
        document = new_set(request, total=len(recorded), now=now, expires_at=expires_at)
        try:
            await self._sets.insert_one(document)
        except DuplicateKeyError:  # a concurrent request with the same id
            return _repeated(await self._find(**owner, set_id=request.id), owner, request)
        return to_set(document)

    async def _insert_runs(self, request: CreateReplaySet, runs: Sequence[Document]) -> None:
        """Insert the runs of a set. Only one of two concurrent requests with one id inserts any. Raises Conflict."""
        if await insert_new(self._runs, [runs[0] | {"fingerprint": request.fingerprint}]):
            first = await self._runs.find_one({"_id": runs[0]["_id"]}, {"fingerprint": 1})
            if first is not None and first.get("fingerprint", request.fingerprint) != request.fingerprint:
                raise Conflict(REUSED_KEY)
        await insert_new(self._runs, runs[1:])

    @store_call
    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        return to_set(await self._find(workspace_id, workflow_id, set_id))

    @store_call
    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        wanted: Document = {
            "workspace_id": workspace_id,
            "workflow_id": workflow_id,
            "expires_at": {"$gt": from_ms(await now_ms(self._store))},
        }
        if cursor is not None:
            wanted["position"] = {"$lt": cursor}
        found = await self._sets.find(wanted).sort("position", -1).limit(limit + 1).to_list()
        next_cursor = found[limit - 1]["position"] if len(found) > limit else None
        return ReplaySetPage(tuple(map(to_set, found[:limit])), next_cursor)

    @store_call
    async def runs(
        self, workspace_id: str, workflow_id: str, set_id: str, *, verdict: str | None, limit: int, cursor: int | None
    ) -> ReplayedRunPage:
        await self._find(workspace_id, workflow_id, set_id)
        wanted: Document = {"set_id": set_id, "purpose": Purpose.COMPARE.value}
        if verdict is not None:
            wanted["verdict"] = verdict
        if cursor is not None:
            wanted["number"] = {"$gt": cursor}
        found = await self._runs.find(wanted).sort("number", 1).limit(limit + 1).to_list()
        next_cursor = str(found[limit - 1]["number"]) if len(found) > limit else None
        return ReplayedRunPage(tuple(map(self._to_replayed, found[:limit])), next_cursor)

    @store_call
    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str, reason: str) -> Sequence[RunOfSet]:
        await self._find(workspace_id, workflow_id, set_id)
        running = {"_id": set_id, "status": ReplaySetStatus.RUNNING.value}
        ended = {"status": ReplaySetStatus.CANCELED.value, "finished_ms": await now_ms(self._store)}
        if (await self._sets.update_one(running, {"$set": ended})).matched_count == 0:
            return ()
        started = await self._runs.find({"set_id": set_id, "state": STARTED}).to_list()
        skipped = {"state": DONE, "verdict": ReplayedVerdict.SKIPPED.value, "reason": reason}
        await self._runs.update_many({"set_id": set_id, "state": {"$ne": DONE}}, {"$set": skipped})
        await self.count(set_id)
        return [to_run(each) for each in started]

    @store_call
    async def open_sets(self, limit: int) -> Sequence[OpenSet]:
        running = {"status": ReplaySetStatus.RUNNING.value}
        known = await self._sets.find(running, {"workspace_id": 1}).sort("position", 1).to_list()
        chosen = [each["_id"] for each in _in_turn(known)[:limit]]
        found = {each["_id"]: each async for each in self._sets.find({"_id": {"$in": chosen}})}
        open_ = []
        for each in (found[set_id] for set_id in chosen if set_id in found):
            started = await self._runs.find({"set_id": each["_id"], "state": STARTED}).to_list()
            open_.append(
                OpenSet(
                    request=request_of(each),
                    expires_at=each["expires_at"],
                    is_measuring=each.get("is_measuring", False),
                    started=tuple(map(to_run, started)),
                )
            )
        return open_

    @store_call
    async def waiting(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        wanted = {"set_id": set_id, "state": WAITING}
        found = await self._runs.find(wanted).sort([("purpose", 1), ("number", 1)]).limit(limit).to_list()
        return [to_run(each) for each in found]

    @store_call
    async def recorded(self, workspace_id: str, workflow_id: str, runs: Sequence[str]) -> frozenset[str]:
        owner = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        return frozenset(await self._recordings.of_runs(runs, owner))

    @store_call
    async def mark_started(self, runs: Sequence[RunOfSet]) -> None:
        named = {"_id": {"$in": [each.id for each in runs]}}
        started = {"state": STARTED}
        marked = await self._runs.update_many({**named, "state": WAITING}, {"$set": started})
        if marked.matched_count == len(runs):
            return
        # Recordings were deleted after their replays were accepted: the runner must delete the results of these.
        deleted = {**named, "state": DONE, "reason": RECORDING_DELETED}
        forgotten = {"$set": {**started, _IS_FORGOTTEN: True}, "$unset": {"verdict": 1, "reason": 1}}
        await self._runs.update_many(deleted, forgotten)

    @store_call
    async def settle(self, open_set: OpenSet, judged: Sequence[Judged]) -> None:
        settled = [(each, self._settled_fields(open_set, *each)) for each in judged]
        for group in batches(settled, weigh=lambda each: len(bson.encode(each[1])), max_weight=SETTLED_BYTES):
            await self._settle_group(open_set, [each for each, _ in group], [fields for _, fields in group])

    async def _settle_group(self, open_set: OpenSet, judged: Sequence[Judged], fields: Sequence[Document]) -> None:
        ids = [run.id for run, _ in judged]
        unsettled = {"_id": {"$in": ids}, "state": {"$ne": DONE}}
        kept = {**unsettled, _IS_FORGOTTEN: {"$ne": True}}
        settled = await self._runs.update_many(kept, [{"$replaceWith": merged_fields(ids, fields)}])
        if settled.matched_count == len(judged):
            await self._add_counts(open_set.id, judged)
        else:  # recordings were deleted, or an interrupted step has settled some
            await self._runs.update_many(unsettled, {"$set": _DELETED})
            await self.count(open_set.id)

    def _settled_fields(self, open_set: OpenSet, run: RunOfSet, judgement: Judgement) -> Document:
        fields: Document = {"state": DONE, "verdict": judgement.verdict.value}
        if judgement.reason is not None:
            fields["reason"] = judgement.reason
        result = judgement.result
        if result is not None:
            fields |= {
                RESULT: asdict(self._cipher.seal(run, open_set.workspace_id, result)),
                "recorded_ms": result.recorded_duration_ms,
                "replayed_ms": result.duration_ms,
                "recorded_usd": result.recorded_usd,
                "replayed_usd": result.replayed_usd,
            }
        return fields

    async def _add_counts(self, set_id: str, judged: Sequence[Judged]) -> None:
        """Add verdicts to the counts of a set in progress. `count` is exact, but reads all runs of the set."""
        added = Counter(f"counts.{each.verdict.value}" for run, each in judged if run.purpose is Purpose.COMPARE)
        if added:
            await self._sets.update_one({"_id": set_id, "status": ReplaySetStatus.RUNNING.value}, {"$inc": dict(added)})

    @store_call
    async def count(self, set_id: str) -> tuple[ReplayCounts, int]:
        pipeline: list[Document] = [
            {"$match": {"set_id": set_id, "purpose": Purpose.COMPARE.value, "state": DONE}},
            {"$group": {"_id": {"verdict": "$verdict", "reason": "$reason"}, "count": {"$sum": 1}}},
        ]
        groups = await (await self._runs.aggregate(pipeline)).to_list()
        counts: dict[str, int] = {}
        for each in groups:
            verdict = each["_id"]["verdict"]
            counts[verdict] = counts.get(verdict, 0) + each["count"]
        over_budget = sum(each["count"] for each in groups if each["_id"].get("reason") == OVER_BUDGET)
        await self._sets.update_one({"_id": set_id}, {"$set": {"counts": counts}})
        return ReplayCounts(**counts), over_budget

    @store_call
    async def has_open_runs(self, set_id: str) -> bool:
        return (
            await self._runs.find_one({"set_id": set_id, "state": {"$in": [WAITING, STARTED]}}, {"_id": 1}) is not None
        )

    @store_call
    async def to_measure(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        wanted = {
            "set_id": set_id,
            "purpose": Purpose.COMPARE.value,
            "verdict": {"$in": [ReplayedVerdict.DIFFERENT.value, ReplayedVerdict.UNRECORDED.value]},
        }
        found = await self._runs.find(wanted).sort("number", 1).limit(limit).to_list()
        return [to_run(each) for each in found]

    @store_call
    async def measure(self, open_set: OpenSet, runs: Sequence[RunOfSet]) -> None:
        await insert_new(self._runs, [new_measurement(open_set, each) for each in runs])
        await self._sets.update_one({"_id": open_set.id}, {"$set": {"is_measuring": True}})

    @store_call
    async def measured(self, set_id: str) -> Sequence[RunOfSet]:
        found = await self._runs.find({"set_id": set_id, "purpose": Purpose.MEASURE.value}).to_list()
        return [replace(to_run(each), result=self._cipher.open(each)) for each in found]

    @store_call
    async def finish(
        self, set_id: str, counts: ReplayCounts, refusals: Sequence[str], suggestions: Sequence[str] | None
    ) -> None:
        fields = await self._sums(set_id)
        if suggestions is not None:
            fields["suggestions"] = encode_suggestions(suggestions)
        fields |= {
            "counts": msgspec.to_builtins(counts),  # a previous leader may have added to them since `count`
            "refusals": list(refusals),
            "status": (ReplaySetStatus.REFUSED if refusals else ReplaySetStatus.PASSED).value,
            "finished_ms": await now_ms(self._store),
        }
        forgotten = {"_id": set_id, _IS_FORGOTTEN: True}
        if await self._sets.find_one(forgotten, {"_id": 1}) is not None:
            await self._runs.delete_many({"set_id": set_id})
            await self._sets.delete_one(forgotten)
            return
        await self._sets.update_one({"_id": set_id, "status": ReplaySetStatus.RUNNING.value}, {"$set": fields})
        await self._runs.delete_many({"set_id": set_id, "purpose": Purpose.MEASURE.value})

    @store_call
    async def reserve_call(self, workspace_id: str, workflow_id: str, set_id: str) -> bool:
        owned = {"_id": set_id, "workspace_id": workspace_id, "workflow_id": workflow_id}
        found = await self._sets.find_one(owned, {"request": 1})
        budget = None if found is None else request_of(found).budget
        if budget is None:
            return False
        covered = {
            **owned,
            "status": ReplaySetStatus.RUNNING.value,
            "model_calls": {"$lt": budget.max_calls},
            "spent_usd": {"$lt": budget.max_dollars},
        }
        return (await self._sets.update_one(covered, {"$inc": {"model_calls": 1}})).matched_count == 1

    @store_call
    async def charge_call(self, workspace_id: str, workflow_id: str, set_id: str, usd: float) -> None:
        owned = {"_id": set_id, "workspace_id": workspace_id, "workflow_id": workflow_id}
        await self._sets.update_one(owned, {"$inc": {"spent_usd": max(usd, 0.0)}})

    @store_call
    async def forget_recordings(self, workspace_id: str, workflow_id: str, runs: Sequence[str] | None) -> None:
        """Delete the results of these recordings from their sets; with None, delete all sets of the workflow.

        The runner deletes the results of replays in progress when it settles them, and sets in progress when they end.
        """
        owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        found = owner if runs is None else {**owner, "run": {"$in": list(runs)}}
        await self._runs.update_many({**found, "state": WAITING}, {"$set": _DELETED})
        await self._runs.update_many({**found, "state": STARTED}, {"$set": {_IS_FORGOTTEN: True}})
        await self._runs.update_many(found, {"$unset": {RESULT: 1}})
        if runs is None:
            running = {**owner, "status": ReplaySetStatus.RUNNING.value}
            await self._sets.update_many(running, {"$set": {_IS_FORGOTTEN: True}})
            ended = await self._sets.find({**owner, "status": {"$ne": running["status"]}}, {"_id": 1}).to_list()
            ids = [each["_id"] for each in ended]
            await self._runs.delete_many({"set_id": {"$in": ids}})
            await self._sets.delete_many({"_id": {"$in": ids}})

    def _to_replayed(self, document: Document) -> ReplayedRun:
        run, verdict = to_run(document), document.get("verdict")
        return ReplayedRun(
            run_id=public_run_id(run.run),
            replay_run_id=run.replay_run_id if run.state != WAITING else None,
            verdict=None if verdict is None else ReplayedVerdict(verdict),
            reason=document.get("reason"),
            result=self._cipher.open(document),
        )

    async def _find(self, workspace_id: str, workflow_id: str, set_id: str) -> Document:
        found = await self._sets.find_one({"_id": set_id, "workspace_id": workspace_id, "workflow_id": workflow_id})
        if found is None:
            raise NotFound(MISSING)
        return found

    async def _select(self, request: CreateReplaySet, owner: Document, now: datetime) -> Sequence[StoredRecording]:
        """Return the recordings to replay, newest first, or those that the request names."""
        if request.run_ids:
            found = await self._recordings.of_runs(request.run_ids, owner)
            missing = [run for run in request.run_ids if run not in found or found[run].expires_at <= now]
            if missing:
                raise NotFound(f"Recording {public_run_id(missing[0])} not found")
            return [found[run] for run in dict.fromkeys(request.run_ids)]
        newest = await self._recordings.newest(request.last, owner, now)
        if not newest:
            raise InvalidRequest(NO_RECORDINGS)
        return newest

    async def _sums(self, set_id: str) -> Document:
        shown = dict.fromkeys(("recorded_ms", "replayed_ms", "recorded_usd", "replayed_usd"), 1)
        wanted = {"set_id": set_id, "purpose": Purpose.COMPARE.value, "recorded_ms": {"$exists": True}}
        found = await self._runs.find(wanted, shown).to_list()
        if not found:
            return {}
        return {
            "recorded_p50_ms": median(each["recorded_ms"] for each in found),
            "replayed_p50_ms": median(each["replayed_ms"] for each in found),
            "recorded_usd": sum(each["recorded_usd"] for each in found),
            "replayed_usd": sum(each["replayed_usd"] for each in found),
        }


def _in_turn(sets: Sequence[Document]) -> list[Document]:
    """Return sets with the first of each workspace first, then the second of each."""
    turns = Counter[str]()
    numbered = []
    for each in sets:
        numbered.append((turns[each["workspace_id"]], each))
        turns[each["workspace_id"]] += 1
    return [each for _, each in sorted(numbered, key=lambda pair: pair[0])]


def _repeated(stored: Document, owner: Document, request: CreateReplaySet) -> ReplaySet:
    is_same = request_of(stored).fingerprint == request.fingerprint
    if not is_same or any(stored[name] != value for name, value in owner.items()):
        raise Conflict(REUSED_KEY)
    return to_set(stored)
