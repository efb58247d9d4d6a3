"""Round-robin order of workspaces."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.support.jobs.makers import NOW, after

from jobs_service.queue.backlog import is_due
from jobs_service.queue.capacity import Demand, round_robin


def test_ten_thousand_runs_of_one_workspace_delay_another_by_at_most_one_turn() -> None:
    demands = {"busy": Demand(10_000, 0, 200), "quiet": Demand(1, 0, 200)}

    assert "quiet" in round_robin(demands, 2, after="")
    assert round_robin(demands, 1, after="busy") == ["quiet"]


def test_scheduling_is_round_robin_between_workspaces() -> None:
    demands = {name: Demand(9, 0, 9) for name in "abc"}

    assert round_robin(demands, 7, after="a") == ["b", "c", "a", "b", "c", "a", "b"]


def test_a_workspace_at_its_concurrency_waits_for_its_own_runs() -> None:
    demands = {"full": Demand(50, 5, 5), "free": Demand(50, 4, 5)}

    assert round_robin(demands, 10) == ["free"]


demand = st.builds(Demand, st.integers(0, 20), st.integers(0, 10), st.integers(1, 10))


@given(
    demands=st.dictionaries(st.text("abcd", min_size=1, max_size=3), demand),
    places=st.integers(0, 60),
    last=st.text("abcd", max_size=3),
)
def test_every_slot_is_used_in_round_robin_order(demands: dict[str, Demand], places: int, last: str) -> None:
    turns = round_robin(demands, places, after=last)
    served = Counter(turns)

    assert len(turns) == min(places, sum(each.eligible for each in demands.values()))
    assert all(served[name] <= demands[name].eligible for name in served)
    for name, each in demands.items():
        if served[name] < each.eligible:
            assert all(count <= served[name] + 1 for count in served.values())


def test_an_unclaimed_run_is_published_again_after_twice_the_time_each_time() -> None:
    patience = timedelta(seconds=10)

    def waited(dispatches: int) -> int:
        return next(second for second in range(700) if is_due(NOW, dispatches, after(second), patience))

    assert [waited(dispatches) for dispatches in (1, 2, 3, 50)] == [10, 20, 40, 600]
