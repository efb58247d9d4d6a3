"""Books that were left wrong, and batches under way."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.jobs.makers import NOW, after

from jobs_service.domain.bookkeeping import differences, overall_difference
from jobs_service.domain.capacity import Ledger, Offer


def an_offer(**places: int) -> Offer:
    return Offer("offer", NOW, places, [])


def test_right_books_are_left_alone() -> None:
    assert differences({"a": Ledger(queued=3)}, {"a": 3}, []) == {}


def test_places_that_nobody_holds_are_given_back() -> None:
    assert differences({"a": Ledger(queued=5)}, {"a": 3}, []) == {"a": -2}


def test_runs_that_were_never_booked_are_added() -> None:
    assert differences({}, {"a": 3}, []) == {"a": 3}


def test_a_batch_under_way_keeps_its_places_at_every_step() -> None:
    before = differences({"a": Ledger(queued=5)}, {"a": 5}, [an_offer(a=2)])
    places_taken = differences({"a": Ledger(queued=7)}, {"a": 5}, [an_offer(a=2)])
    runs_stored = differences({"a": Ledger(queued=7)}, {"a": 7}, [an_offer(a=2)])

    assert before == places_taken == runs_stored == {}


def test_what_is_wrong_beyond_a_batch_under_way_is_put_right() -> None:
    assert differences({"a": Ledger(queued=9)}, {"a": 5}, [an_offer(a=2)]) == {"a": -2}


def test_the_ledger_for_all_follows_the_corrected_ones() -> None:
    ledgers = {"a": Ledger(queued=5), "b": Ledger(queued=1)}

    assert overall_difference(Ledger(queued=9), ledgers, {"a": -2}, []) == -5
    assert overall_difference(Ledger(queued=4), ledgers, {"a": -2}, []) == 0


def test_an_offer_is_abandoned_when_no_accept_could_take_so_long() -> None:
    assert not an_offer().is_abandoned(after(14))
    assert an_offer().is_abandoned(after(15))


counts = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))


@given(stored=counts, under_way=counts, leaked=counts, stages=st.lists(st.sampled_from(["offered", "taken", "stored"])))
def test_a_correction_never_makes_room_that_is_not_there(
    stored: dict[str, int], under_way: dict[str, int], leaked: dict[str, int], stages: list[str]
) -> None:
    """Books are what is stored, what leaked, and the batches whose places are taken already."""
    batches = [under_way for _ in stages]
    offers = [an_offer(**batch) for batch in batches]
    runs, books = Counter(stored), Counter(stored) + Counter(leaked)
    for stage, batch in zip(stages, batches, strict=True):
        if stage in ("taken", "stored"):
            books += Counter(batch)
        if stage == "stored":
            runs += Counter(batch)

    found = differences({name: Ledger(queued=count) for name, count in books.items()}, runs, offers)

    right = Counter(books)
    right.update(found)
    for name in "abc":
        held = stored.get(name, 0) + sum(
            batch.get(name, 0) for stage, batch in zip(stages, batches, strict=True) if stage in ("taken", "stored")
        )
        assert right[name] >= held
        if not offers:
            assert right[name] == runs[name]
