"""Runs replay sets: starts a bounded number of replays, and judges those that have ended.

Each replay is a durable run whose id derives from its set and recorded run. Another process can repeat a step that was
interrupted at any point: the queue accepts each id once.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, inf
from typing import Final

import msgspec

from jobs_service import metrics
from jobs_service.leadership import Leader, WakeUpEvent
from jobs_service.payloads import Payloads
from jobs_service.queue.admission import AdmissionService
from jobs_service.replay_sets.rules import (
    CANCELED,
    EXPIRED,
    RECORDING_DELETED,
    RUN_ID_TAKEN,
    UNREADABLE,
    Judgement,
    OpenSet,
    Purpose,
    QueueCounters,
    RecordingReader,
    ReplayLimits,
    ReplayOutputs,
    ReplaySetRepository,
    RunOfSet,
    judge,
    judge_measurement,
    refusals,
    suggestions,
)
from jobs_service.views.repository import RunViewRepository, RunWithBlocks
from shared.clock import Clock
from shared.contracts.jobs import AcceptRun, RunView
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.recordings import ReplayResult
from shared.contracts.replay_sets import ReplayedVerdict
from shared.contracts.runs import RunError, RunSpec, RunStatus
from shared.errors import FlowportError, NotFound, RunIdTaken, Unavailable
from shared.observe.logging import get_logger

QUIET_SECONDS: Final = 10.0
"""Replays run at full speed when no run of a caller has started or ended for this long."""
GROUP_SECONDS: Final = 0.5
"""Interval between groups of replays. Starting a group costs less than starting its replays one by one."""
MAX_WAIT_SECONDS: Final = 10.0
"""How long replays of a workspace wait for a slot behind queued runs of its callers. Then one of them starts."""


class ReplayPace:
    """Limit on the replays that may start now, over all sets. Each process observes the runs that it stores."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._callers_at = -inf
        self._next_at = -inf
        self._blocked_since: dict[str, float] = {}

    def observe_caller(self) -> None:
        """Record that a run of a caller has started or ended."""
        self._callers_at = self._clock.monotonic()

    def is_due(self) -> bool:
        """Return whether a step may judge and start replays now: while callers run workflows, once for each group."""
        return not self._are_callers_active() or self._clock.monotonic() >= self._next_at

    def room(self) -> int:
        """Return how many replays may start in a step that is due."""
        return ceil(self._per_second * GROUP_SECONDS) if self._are_callers_active() else sys.maxsize

    def end_step(self, started: int) -> None:
        """Record a step that started `started` replays."""
        if self._are_callers_active():
            now = self._clock.monotonic()
            paced = min(started, self.room())  # a caller may have arrived during a step at full speed
            is_late = now - GROUP_SECONDS < self._next_at <= now  # a delay of one step does not delay the next
            self._next_at = (self._next_at if is_late else now) + max(GROUP_SECONDS, paced / self._per_second)

    def record_wait(self, workspace_id: str) -> bool:
        """Record that queued runs of callers precede a workspace's replays. Return whether one may start anyway."""
        now = self._clock.monotonic()
        return now - self._blocked_since.setdefault(workspace_id, now) >= MAX_WAIT_SECONDS

    def end_wait(self, workspace_id: str) -> None:
        """Record that replays of a workspace have started."""
        self._blocked_since.pop(workspace_id, None)

    def drop_waits_except(self, workspace_ids: Container[str]) -> None:
        """Drop the waits of all other workspaces."""
        self._blocked_since = {name: since for name, since in self._blocked_since.items() if name in workspace_ids}

    def _are_callers_active(self) -> bool:
        return self._clock.monotonic() - self._callers_at < QUIET_SECONDS


MAX_SETS: Final = 100
MEASURED_RUNS: Final = 5
ROUNDS: Final = (1, 2)

_decode_result: Final = msgspec.json.Decoder(ReplayResult).decode
log = get_logger("replay_sets")


class _Recorded(msgspec.Struct, rename="camel"):
    """Fields of a recording that identify the content that ran."""

    snapshot_hash: str = ""
    version: int | None = None


_decode_recorded: Final = msgspec.json.Decoder(_Recorded).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """A set whose ended replays are judged, the number of its replays in progress, and how many of those are queued."""

    set: OpenSet
    active: int
    queued: int


class ReplaySetRunner:
    """Runner of all sets; active only in the leader."""

    def __init__(
        self,
        sets: ReplaySetRepository,
        recordings: RecordingReader,
        *,
        admission: AdmissionService,
        views: RunViewRepository,
        payloads: Payloads,
        outputs: ReplayOutputs,
        counters: QueueCounters,
        leader: Leader,
        limits: ReplayLimits,
        pace: ReplayPace,
        wake_up: WakeUpEvent,
    ) -> None:
        """`wake_up` triggers a step. While a set is in progress, each step triggers the next one."""
        self._wake_up = wake_up
        self._sets = sets
        self._recordings = recordings
        self._admission = admission
        self._views = views
        self._payloads = payloads
        self._outputs = outputs
        self._counters = counters
        self._leader = leader
        self._limits = limits
        self._pace = pace
        self._last_served = ""

    async def step(self) -> None:
        """Judge replays that have ended, start others, and end sets. Raises Unavailable."""
        if await self._leader.term() is None:
            return
        if not self._pace.is_due():
            self._wake_up.wake()
            return
        progress = [await self._progress_of(each) for each in await self._sets.open_sets(MAX_SETS)]
        if progress:
            self._wake_up.wake()
        free = self._limits.overall - sum(each.active for each in progress)
        free = room = min(free, self._pace.room())
        self._pace.drop_waits_except({each.set.workspace_id for each in progress})
        queued = _by_workspace(progress)
        active = Counter[str]()
        for each in progress:
            active[each.set.workspace_id] += each.active
        for each in sorted(progress, key=lambda each: self._order(each.set.workspace_id, active)):
            try:
                started = await self._continue(each, free, queued)
            except Exception as error:  # the other sets continue
                _log_failure("replay_set_not_continued", each.set, error)
            else:
                free -= started
                queued[each.set.workspace_id] += started
                if started:
                    self._last_served = each.set.workspace_id
                    self._pace.end_wait(each.set.workspace_id)
        self._pace.end_step(room - free)

    def _order(self, workspace_id: str, active: Counter[str]) -> tuple[int, bool, str]:
        """Return a sort key: fewest replays in progress first, then round-robin after the workspace served last."""
        return active[workspace_id], workspace_id <= self._last_served, workspace_id

    async def stop(self) -> None:
        """Give up leadership."""
        await self._leader.resign()

    async def _progress_of(self, open_set: OpenSet) -> _Progress:
        try:
            return await self._settle(open_set)
        except Exception as error:  # the other sets continue
            _log_failure("replay_set_not_settled", open_set, error)
            return _Progress(set=open_set, active=len(open_set.started), queued=0)

    async def _continue(self, progress: _Progress, free: int, queued: Counter[str]) -> int:
        """Start replays of a set, or advance it if none is left; return how many are started."""
        open_set, started = progress.set, 0
        free = min(free, self._limits.per_set - progress.active)
        if room := await self._room(open_set.workspace_id, free, queued):
            started = await self._start(open_set, room)
        if not started and not progress.active:
            await self._advance(open_set)
        return started

    async def _settle(self, open_set: OpenSet) -> _Progress:
        active = queued = 0
        ended: list[tuple[RunOfSet, RunWithBlocks | None]] = []
        lookups = (self._views.by_run_id(run.replay_run_id, output=True, blocks=False) for run in open_set.started)
        for run, found in zip(open_set.started, await asyncio.gather(*lookups), strict=True):
            if found is None or found.view.status.is_terminal or not _is_replay_of(open_set, found):
                ended.append((run, found))
            else:
                active += 1
                queued += found.view.status is RunStatus.QUEUED
        if ended:
            judged = [(run, await self._judge(open_set, run, found)) for run, found in ended]
            await self._sets.settle(open_set, judged)
            await self._outputs.delete(open_set.workspace_id, [run.replay_run_id for run, _ in ended])
            for run, judgement in judged:
                if run.purpose is Purpose.COMPARE:
                    metrics.REPLAYED.labels(judgement.verdict.value).inc()
        return _Progress(set=open_set, active=active, queued=queued)

    async def _judge(self, open_set: OpenSet, run: RunOfSet, found: RunWithBlocks | None) -> Judgement:
        if found is None:
            return Judgement(ReplayedVerdict.FAILED, EXPIRED)
        if not _is_replay_of(open_set, found):
            return Judgement(ReplayedVerdict.FAILED, RUN_ID_TAKEN)
        match found.view.status:
            case RunStatus.CANCELLED:
                return Judgement(ReplayedVerdict.SKIPPED, CANCELED)
            case RunStatus.FAILED:
                return await self._judge_failure(open_set, run, found.view.error)
            case _:
                return await self._judge_output(run, found.view)

    async def _judge_failure(self, open_set: OpenSet, run: RunOfSet, error: RunError | None) -> Judgement:
        if not await self._sets.recorded(open_set.workspace_id, open_set.workflow_id, [run.run]):
            return Judgement(ReplayedVerdict.SKIPPED, RECORDING_DELETED)
        return Judgement(ReplayedVerdict.FAILED, error.message if error else None)

    async def _judge_output(self, run: RunOfSet, view: RunView) -> Judgement:
        try:
            result = await self._result(view)
        except (msgspec.DecodeError, RecursionError):
            return Judgement(ReplayedVerdict.FAILED, UNREADABLE)
        if result is None:
            return Judgement(ReplayedVerdict.FAILED, EXPIRED)
        return judge(result) if run.purpose is Purpose.COMPARE else judge_measurement(result)

    async def _result(self, view: RunView) -> ReplayResult | None:
        if view.output is None:
            return None
        try:
            return _decode_result(await self._payloads.fetch(view.workspace_id, view.output))
        except NotFound:
            return None

    async def _room(self, workspace_id: str, free: int, queued: Counter[str]) -> int:
        """Return how many replays may start. Queued runs of callers take precedence, for a bounded time."""
        if free <= 0:
            return 0
        counter, _ = await self._counters.counter(workspace_id)
        if counter.queued <= queued[workspace_id]:
            return free
        return int(self._pace.record_wait(workspace_id))

    async def _start(self, open_set: OpenSet, room: int) -> int:
        """Start up to `room` waiting replays; return how many are started.

        Does not check that the recordings exist: deleting one settles a waiting replay, and a started one fails.
        """
        waiting = await self._sets.waiting(open_set.id, room)
        limit = open_set.request.concurrency_limit
        answers = await self._admission.accept_all([AcceptRun(_spec(open_set, run), limit) for run in waiting])
        started = []
        for run, answer in zip(waiting, answers, strict=True):
            if isinstance(answer, FlowportError) and not isinstance(answer, RunIdTaken):
                log.info("replay_delayed", set_id=open_set.id, reason=answer.message)
            else:
                started.append(run)  # RunIdTaken: an interrupted step started it, or it is judged as another's run
        if started:
            await self._sets.mark_started(started)
        return len(started)

    async def _advance(self, open_set: OpenSet) -> None:
        """Measure or finish a set that has no replays in progress."""
        if await self._sets.has_open_runs(open_set.id):
            return
        if open_set.request.suggest_ignore and not open_set.is_measuring:
            await self._sets.measure(open_set, await self._measurements(open_set))
            return
        found = None
        if open_set.is_measuring:
            found = suggestions(_pairs(await self._sets.measured(open_set.id)))
        counts, over_budget = await self._sets.count(open_set.id)
        await self._outputs.delete_of_set(open_set.workspace_id, open_set.id)  # if a step was interrupted before it did
        refused = refusals(counts, open_set.request.thresholds, over_budget=over_budget)
        await self._sets.finish(open_set.id, counts, refused, found)
        log.info("replay_set_finished", set_id=open_set.id, runs=counts.done)

    async def _measurements(self, open_set: OpenSet) -> Sequence[RunOfSet]:
        """Return two replays of the recorded version for each of up to MEASURED_RUNS runs that differ."""
        found: list[RunOfSet] = []
        for run in await self._sets.to_measure(open_set.id, MEASURED_RUNS):
            try:
                content = await self._recordings.read(open_set.workspace_id, open_set.workflow_id, run.run)
                recorded = _decode_recorded(content)
            except (NotFound, Unavailable, msgspec.DecodeError, RecursionError):  # suggestions are optional
                continue
            measurement = replace(
                run, purpose=Purpose.MEASURE, snapshot_hash=recorded.snapshot_hash, version=recorded.version
            )
            found += [replace(measurement, id=f"{run.id}/{number}", round=number) for number in ROUNDS]
        return found


def _by_workspace(progress: Iterable[_Progress]) -> Counter[str]:
    queued = Counter[str]()
    for each in progress:
        queued[each.set.workspace_id] += each.queued
    return queued


def _log_failure(event: str, open_set: OpenSet, error: Exception) -> None:
    if isinstance(error, FlowportError):
        log.warning(event, set_id=open_set.id, reason=error.message)
    else:
        log.error(event, set_id=open_set.id, exc_info=error)


def _is_replay_of(open_set: OpenSet, found: RunWithBlocks) -> bool:
    """Return whether a run with the id of a replay is that replay.

    Callers choose the ids of their runs, and the output of such a run is not a comparison. Only the runner starts
    replays for sets, each with the id that derives from its set.
    """
    view = found.view
    owner = (open_set.workspace_id, open_set.workflow_id)
    return found.is_replay and (view.workspace_id, view.workflow_id) == owner


def _spec(open_set: OpenSet, run: RunOfSet) -> RunSpec:
    """Return the spec of the run that replays a recorded run. It keeps no data after its result is read."""
    request, snapshot = open_set.request, open_set.request.run.snapshot
    is_measurement = run.purpose is Purpose.MEASURE
    if run.snapshot_hash is not None:
        snapshot = msgspec.structs.replace(
            snapshot, snapshot_hash=run.snapshot_hash, version=run.version, version_id=None
        )
    return msgspec.structs.replace(
        request.run,
        run_id=run.replay_run_id,
        snapshot=snapshot,
        stores_data=False,
        log_retention_ms=0,
        replay=ReplayRun(
            run.run,
            request.ignore,
            set_id=request.id,
            reports_all=is_measurement,
            calls_models=request.budget is not None and not is_measurement,
        ),
    )


def _pairs(measured: Sequence[RunOfSet]) -> list[tuple[ReplayResult, ReplayResult]]:
    """Return the results of both rounds, for each recorded run that has them."""
    pairs = []
    for _, group in groupby(sorted(measured, key=lambda each: (each.number, each.round)), lambda each: each.number):
        results = [each.result for each in group]
        if len(results) == len(ROUNDS) and results[0] is not None and results[1] is not None:
            pairs.append((results[0], results[1]))
    return pairs
