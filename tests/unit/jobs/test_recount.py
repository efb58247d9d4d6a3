"""A recount makes every counter match the queued and reserved runs, whenever it happens."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from jobs_service.queue.capacity import Corrections, QueueSnapshot, Reservation, corrections

RIGHT = Corrections({}, 0)


@dataclass
class Queue:
    """Counters and runs, and the steps by which batches change them."""

    queued: Counter[str] = field(default_factory=Counter)
    overall: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    open: dict[str, Reservation] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=dict)
    stored_by: dict[str, str | None] = field(default_factory=dict)

    def reserve_overall(self, reservation: Reservation) -> None:
        self.open[reservation.id] = reservation
        self.overall += reservation.total

    def reserve(self, reservation: Reservation, workspace_id: str) -> None:
        self.taken.setdefault(workspace_id, set()).add(reservation.id)
        self.queued[workspace_id] += len(reservation.run_ids[workspace_id])

    def store(self, reservation: Reservation, workspace_id: str, run_id: str) -> None:
        if run_id not in self.stored_by:  # else the id is taken
            self.stored_by[run_id] = reservation.id
            self.counted[workspace_id] += 1

    def snapshot(self) -> QueueSnapshot:
        return QueueSnapshot(
            queued=self.queued,
            overall=self.overall,
            reservations=list(self.open.values()),
            taken=self.taken,
            stored_by=self.stored_by,
            counted=self.counted,
        )


def holding(queue: Queue, **runs: int) -> Queue:
    """Return `queue` with these runs in it."""
    for name, count in runs.items():
        queue.queued[name] += count
        queue.counted[name] += count
        queue.overall += count
    return queue


def test_right_counters_are_left_alone() -> None:
    assert corrections(holding(Queue(), a=3).snapshot()) == RIGHT


def test_unused_capacity_is_returned() -> None:
    queue = holding(Queue(), a=3)
    queue.queued["a"] += 2
    queue.overall += 2

    assert corrections(queue.snapshot()) == Corrections({"a": -2}, -2)


def test_runs_that_were_never_counted_are_added() -> None:
    queue = Queue(counted=Counter(a=3))

    assert corrections(queue.snapshot()) == Corrections({"a": 3}, 3)


def test_each_counter_is_corrected_independently() -> None:
    queue = holding(Queue(), a=3, b=1)
    queue.overall += 4

    assert corrections(queue.snapshot()) == Corrections({}, -4)


def test_while_a_batch_of_the_previous_version_is_open_its_capacity_stays() -> None:
    queue = holding(Queue(), a=5)
    queue.open["offer"] = Reservation("offer", {"a": ["x", "y"]}, is_of_previous_version=True)
    assert corrections(queue.snapshot()) == RIGHT, "offered, and nothing taken"

    queue.queued["a"] += 2
    queue.overall += 2
    assert corrections(queue.snapshot()) == RIGHT, "taken, and nothing stored"

    queue.counted["a"] += 2
    assert corrections(queue.snapshot()) == RIGHT, "stored"

    queue.queued["a"] += 4
    assert corrections(queue.snapshot()).workspaces == {"a": -2}, "what is wrong beyond it is returned"


@st.composite
def histories(draw: st.DrawFn) -> Queue:
    """Return a queue with batches, some of the same runs, that stop after any of their steps."""
    queue = holding(Queue(), **draw(st.dictionaries(st.sampled_from("abc"), st.integers(0, 5))))
    for n in range(draw(st.integers(0, 4))):
        sizes = draw(st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1))
        runs = {name: [f"{name}-{i}" for i in range(size)] for name, size in sizes.items()}
        reservation = Reservation(f"batch-{n}", runs)
        queue.reserve_overall(reservation)
        steps = draw(st.integers(0, len(runs)))
        for name in list(runs)[:steps]:
            queue.reserve(reservation, name)
        if steps == len(runs):
            every = [(name, run_id) for name, run_ids in runs.items() for run_id in run_ids]
            for name, run_id in draw(st.lists(st.sampled_from(every), unique=True)):
                queue.store(reservation, name, run_id)
    return queue


@given(queue=histories())
def test_a_batch_that_is_stopped_after_any_step_needs_no_correction(queue: Queue) -> None:
    assert corrections(queue.snapshot()) == RIGHT


@given(queue=histories(), wrong=st.dictionaries(st.sampled_from("abc"), st.integers(-5, 5)), overall=st.integers(-9, 9))
def test_a_wrong_counter_is_corrected_exactly_with_any_open_batches(
    queue: Queue, wrong: dict[str, int], overall: int
) -> None:
    for name, count in wrong.items():
        queue.queued[name] += count
    queue.overall += overall

    assert corrections(queue.snapshot()) == Corrections({name: -n for name, n in sorted(wrong.items()) if n}, -overall)
