"""The runner of replay sets: one set that cannot continue holds up no other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.jobs.fakes import ManualClock
from tests.support.jobs.system import a_spec, json_payload

from jobs_service.leadership import WakeUpEvent
from jobs_service.queue.capacity import QueueCounter
from jobs_service.replay_sets.rules import (
    MAX_STORED_BYTES,
    RUN_ID_TAKEN,
    STARTED,
    UNREADABLE,
    Judged,
    Judgement,
    OpenSet,
    Purpose,
    ReplayLimits,
    RunOfSet,
)
from jobs_service.replay_sets.runner import GROUP_SECONDS, MAX_WAIT_SECONDS, ReplayPace, ReplaySetRunner
from jobs_service.views.repository import RunWithBlocks
from shared.contracts.jobs import AcceptRun, RunAccepted, RunView
from shared.contracts.payloads import Payload
from shared.contracts.replay_sets import CreateReplaySet, ReplayedVerdict
from shared.contracts.runs import RunMode, RunStatus, SnapshotRef, Trigger
from shared.errors import RunIdTaken, Unavailable

NOW = datetime(2026, 11, 29, tzinfo=UTC)
STARTED_RUN = RunOfSet(id="one/0", set_id="one", number=0, run="R1", state=STARTED)


class Parts:
    """Stands for everything around the runner. Reading the runs of sets in `broken` fails with `failure`.

    Each set has `waiting` runs. Started replays are `found`, or have expired, or else their state is unknown.
    """

    def __init__(
        self,
        *sets: OpenSet,
        broken: Sequence[str] = (),
        failure: Exception | None = None,
        taken: Sequence[str] = (),
        waiting: int = 1,
        are_expired: bool = False,
        found: RunWithBlocks | None = None,
        recording: bytes = b"{}",
    ) -> None:
        self._sets = sets
        self._broken = broken
        self._failure = failure or Unavailable("it cannot be decrypted")
        self._taken = taken
        self._waiting = waiting
        self._are_expired = are_expired
        self._found = found
        self._recording = recording
        self.callers_queued = 0
        self.steps = 0
        """How many steps read the sets."""
        self.accepted: list[AcceptRun] = []
        self.started: list[str] = []
        self.marked: list[int] = []
        """How many runs each call marked as started."""
        self.settled: list[int] = []
        """How many verdicts each call stored."""
        self.judgements: list[Judgement] = []
        self.measured: list[RunOfSet] | None = None
        """The measurements of the last set that began to measure."""

    async def term(self) -> int:
        return 1

    async def counter(self, workspace_id: str) -> tuple[QueueCounter, datetime]:
        return QueueCounter(queued=self.callers_queued), NOW

    async def open_sets(self, limit: int) -> Sequence[OpenSet]:
        self.steps += 1
        return self._sets

    async def waiting(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        if set_id in self._broken:
            raise self._failure
        return [RunOfSet(id=f"{set_id}/{n}", set_id=set_id, number=n, run=f"R{n}") for n in range(self._waiting)][
            :limit
        ]

    async def has_open_runs(self, set_id: str) -> bool:
        return self._waiting > 0

    async def to_measure(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        return [RunOfSet(id=f"{set_id}/0", set_id=set_id, number=0, run="R1")]

    async def read(self, workspace_id: str, workflow_id: str, run: str) -> bytes:
        return self._recording

    async def delete(self, workspace_id: str, replays: Sequence[str]) -> None:
        """Accept the request: outputs are not stored."""

    async def measure(self, open_set: OpenSet, runs: Sequence[RunOfSet]) -> None:
        self.measured = list(runs)

    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None:
        if self._found is None and not self._are_expired:
            raise Unavailable("the store does not respond")
        return self._found

    async def fetch(self, workspace_id: str, payload: Payload) -> bytes:
        return bytes(payload.inline)

    async def accept_all(self, requests: Sequence[AcceptRun]) -> Sequence[RunAccepted | RunIdTaken]:
        self.accepted += requests
        return [
            RunIdTaken() if each.run.run_id in self._taken else RunAccepted(each.run.run_id, "job", NOW)
            for each in requests
        ]

    async def mark_started(self, runs: Sequence[RunOfSet]) -> None:
        self.started += [run.set_id for run in runs]
        self.marked.append(len(runs))

    async def settle(self, open_set: OpenSet, judged: Sequence[Judged]) -> None:
        if open_set.id in self._broken:
            raise self._failure
        self.settled.append(len(judged))
        self.judgements += [judgement for _, judgement in judged]


def a_set(set_id: str, *started: RunOfSet, workspace_id: str = "WS") -> OpenSet:
    run = a_spec(snapshot=SnapshotRef(workspace_id, "W", "c" * 64))
    request = CreateReplaySet(id=set_id, run=run, concurrency_limit=9)
    return OpenSet(request=request, expires_at=NOW, started=started)


def a_replay(
    *, is_replay: bool = True, output: bytes = b'{"replayOf":"R1","verdict":"same"}', **fields: Any
) -> RunWithBlocks:
    """Return a run with the id of a started replay."""
    known: dict[str, Any] = {
        "run_id": STARTED_RUN.replay_run_id,
        "workspace_id": "WS",
        "workflow_id": "W",
        "status": RunStatus.COMPLETED,
        "mode": RunMode.ASYNC,
        "trigger": Trigger.API,
        "created_at": NOW,
        "output": json_payload(output),
    }
    return RunWithBlocks(RunView(**(known | fields)), None, is_replay=is_replay)


def a_runner(parts: Any, *, overall: int = 8, pace: ReplayPace | None = None) -> ReplaySetRunner:
    return ReplaySetRunner(
        parts,
        parts,
        admission=parts,
        views=parts,
        payloads=parts,
        outputs=parts,
        counters=parts,
        leader=parts,
        limits=ReplayLimits(overall, 4),
        pace=pace or ReplayPace(2.0, ManualClock()),
        wake_up=WakeUpEvent(),
    )


async def step(parts: Any, *, overall: int = 8, pace: ReplayPace | None = None) -> None:
    await a_runner(parts, overall=overall, pace=pace).step()


async def test_a_set_that_cannot_continue_holds_up_no_other_set() -> None:
    parts = Parts(a_set("one"), a_set("two"), broken=["one"])
    await step(parts)
    assert parts.started == ["two"]


@pytest.mark.parametrize("started", [(), (STARTED_RUN,)], ids=["not continued", "not settled"])
async def test_an_unexpected_error_is_logged_with_its_set_and_holds_up_no_other_set(
    started: Sequence[RunOfSet],
) -> None:
    parts = Parts(
        a_set("one", *started), a_set("two"), broken=["one"], failure=ValueError("a defect"), found=a_replay()
    )
    with capture_logs() as logs:
        await step(parts)
    assert parts.started == ["two"]
    assert {(each["log_level"], each["set_id"]) for each in logs if "exc_info" in each} == {("error", "one")}


async def test_replays_whose_state_is_unknown_count_as_in_progress() -> None:
    parts = Parts(a_set("one", STARTED_RUN), a_set("two"))
    await step(parts, overall=1)
    assert parts.started == []


async def test_a_replay_that_an_interrupted_step_has_accepted_is_noted_as_started() -> None:
    parts = Parts(a_set("one"), taken=[RunOfSet(id="one/0", set_id="one", number=0, run="R1").replay_run_id])
    await step(parts)
    assert (len(parts.accepted), parts.started) == (1, ["one"])


async def test_a_replay_that_has_ended_is_judged_by_its_output() -> None:
    parts = Parts(a_set("one", STARTED_RUN), found=a_replay())
    await step(parts)
    assert [each.verdict for each in parts.judgements] == [ReplayedVerdict.SAME]


@pytest.mark.parametrize("status", list(RunStatus))
@pytest.mark.parametrize(
    "others",
    [{"workspace_id": "other"}, {"workflow_id": "other"}, {"is_replay": False}],
    ids=lambda each: next(iter(each)),
)
async def test_a_run_of_a_caller_with_the_id_of_a_replay_fails_the_replay(
    status: RunStatus, others: dict[str, Any]
) -> None:
    parts = Parts(a_set("one", STARTED_RUN), found=a_replay(status=status, **others))
    await step(parts)
    assert parts.judgements == [Judgement(ReplayedVerdict.FAILED, RUN_ID_TAKEN)]


@pytest.mark.parametrize(
    "output",
    [b'{"content":"hello"}', b"{", b'{"replayOf":"\xff"}', b'{"output":[{"path":"","after":' + 100_000 * b"["],
    ids=["other fields", "no JSON", "no text", "nested too deeply"],
)
async def test_a_replay_whose_output_is_no_comparison_has_failed(output: bytes) -> None:
    parts = Parts(a_set("one", STARTED_RUN), found=a_replay(output=output))
    await step(parts)
    assert parts.judgements == [Judgement(ReplayedVerdict.FAILED, UNREADABLE)]


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_result_that_is_too_long_for_a_document_is_not_stored(purpose: Purpose) -> None:
    difference = {"path": "x" * MAX_STORED_BYTES}
    output = {"replayOf": "R1", "verdict": "same", "output": [difference]}
    run = replace(STARTED_RUN, purpose=purpose)
    parts = Parts(a_set("one", run), found=a_replay(output=msgspec.json.encode(output)))
    await step(parts)
    assert parts.judgements == [Judgement(ReplayedVerdict.SAME)]


@pytest.mark.parametrize(("recording", "measurements"), [(b'{"snapshotHash":"7"}', 2), (b'{"version":"7"}', 0)])
async def test_a_recording_that_cannot_be_read_is_not_measured(recording: bytes, measurements: int) -> None:
    parts = Parts(a_set("one"), waiting=0, recording=recording)
    await step(parts)
    assert parts.measured is not None
    assert len(parts.measured) == measurements


async def test_free_slots_go_to_the_workspace_with_the_fewest_replays_in_progress() -> None:
    started = [RunOfSet(id=f"one/{number}", set_id="one", number=number, run="R1", state=STARTED) for number in (1, 2)]
    parts = Parts(a_set("one", *started), a_set("two"), a_set("other", workspace_id="other"))
    await step(parts, overall=3)
    assert parts.started == ["other"]


@pytest.mark.parametrize(("are_callers_active", "started"), [(True, 16), (False, 32)])
async def test_workspaces_with_equally_many_replays_in_progress_take_turns(
    *, are_callers_active: bool, started: int
) -> None:
    """Replays that end within a step are never in progress when the next one starts."""
    clock = ManualClock()
    pace = ReplayPace(4 / GROUP_SECONDS, clock)
    parts = Parts(*(a_set(name, workspace_id=name) for name in ("C", "A", "B")), waiting=100)
    runner = a_runner(parts, pace=pace)
    for _ in range(12):
        if are_callers_active:
            pace.observe_caller()
        await runner.step()
        clock.seconds += 1
    assert Counter(parts.started) == {"A": started, "B": started, "C": started}


async def test_the_replays_of_a_step_are_started_and_settled_together() -> None:
    started = [RunOfSet(id=f"one/{number}", set_id="one", number=number, run="R") for number in range(3)]
    parts = Parts(a_set("one", *started), waiting=4, are_expired=True)
    await step(parts)
    assert (parts.settled, parts.marked) == ([3], [4])


async def test_beside_runs_of_callers_few_replays_start_at_even_intervals() -> None:
    clock = ManualClock()
    pace = ReplayPace(2 / GROUP_SECONDS, clock)
    parts = Parts(a_set("one"), waiting=100)
    marked = []
    for _ in range(9):
        pace.observe_caller()
        await step(parts, pace=pace)
        marked.append(sum(parts.marked))
        clock.seconds += GROUP_SECONDS / 2
    assert (marked, parts.steps) == ([2, 2, 4, 4, 6, 6, 8, 8, 10], 5)


async def test_a_late_step_starts_no_more_replays_than_others() -> None:
    clock = ManualClock()
    pace = ReplayPace(2 / GROUP_SECONDS, clock)
    parts = Parts(a_set("one"), waiting=100)
    for seconds in (60, GROUP_SECONDS / 2, GROUP_SECONDS / 2):
        pace.observe_caller()
        await step(parts, pace=pace)
        clock.seconds += seconds
    assert parts.marked == [2, 2]


async def test_without_runs_of_callers_replays_fill_their_slots_and_delay_no_later_one() -> None:
    clock = ManualClock()
    pace = ReplayPace(2 / GROUP_SECONDS, clock)
    parts = Parts(a_set("one"), waiting=100)
    for _ in range(10):
        await step(parts, pace=pace)
    pace.observe_caller()
    clock.seconds += 2
    await step(parts, pace=pace)
    assert parts.marked == [*[4] * 10, 2]


async def test_a_caller_that_arrives_during_a_step_at_full_speed_delays_the_next_one_by_one_group() -> None:
    clock = ManualClock()
    pace = ReplayPace(2 / GROUP_SECONDS, clock)
    pace.observe_caller()
    pace.end_step(1_000)
    clock.seconds += GROUP_SECONDS
    assert pace.is_due()


@pytest.mark.parametrize("per_second", [0.3, 1.9, 4.9])
async def test_the_pace_is_exact(per_second: float) -> None:
    clock = ManualClock()
    pace = ReplayPace(per_second, clock)
    parts = Parts(a_set("one"), a_set("two"), waiting=100)
    while clock.seconds < 100:
        pace.observe_caller()
        await step(parts, overall=100, pace=pace)
        clock.seconds += 0.5
    assert sum(parts.marked) == pytest.approx(per_second * 100, abs=5)


async def test_after_a_bounded_wait_one_replay_starts_beside_queued_runs_of_callers() -> None:
    clock = ManualClock()
    pace = ReplayPace(2.0, clock)
    parts = Parts(a_set("one"), waiting=100)
    parts.callers_queued = 1
    for seconds in (MAX_WAIT_SECONDS, 1, MAX_WAIT_SECONDS - 1, 1, 0):
        await step(parts, pace=pace)
        clock.seconds += seconds
    assert parts.marked == [1, 1]
