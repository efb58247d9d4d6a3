"""External and internal ids of a run."""

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import RUN_ID_PATTERN, derived_id, new_id, new_run_id, public_run_id, run_key, time_in

CLOCK_STEP_MS = 60_000
NAMES = st.from_regex(RUN_ID_PATTERN, fullmatch=True)


@given(NAMES, st.uuids().map(str))
def test_every_name_is_restored(name: str, workspace_id: str) -> None:
    assert public_run_id(run_key(workspace_id, name)) == name


@given(NAMES, NAMES)
def test_two_names_never_share_a_key(one: str, other: str) -> None:
    assert (run_key("W1", one) == run_key("W1", other)) == (one == other)


def test_two_workspaces_may_use_one_name() -> None:
    assert run_key("W1", "order-17") != run_key("W2", "order-17")


def test_our_own_ids_are_their_own_keys() -> None:
    name = new_id()
    assert run_key("W1", name) == name


def test_a_new_run_id_has_the_form_of_a_random_uuid_and_ends_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    names = [new_run_id() for _ in range(100)]
    assert len({name[:8] for name in names}) == len(names)  # short forms and searches show the beginning
    for name in names:
        assert uuid.UUID(name).version == 4
        assert uuid.UUID(name).variant == uuid.RFC_4122
        assert run_key("W1", name) == name
        created_ms = time_in(name)
        assert created_ms is not None and before - CLOCK_STEP_MS <= created_ms <= before + CLOCK_STEP_MS


def test_any_random_uuid_has_a_number_in_place_of_the_time_and_other_ids_have_none() -> None:
    for name in (new_id(), derived_id("a text")):
        assert time_in(name) is not None
    for name in ("order-17", run_key("W1", "order-17"), new_id().upper(), new_id()[:-1], ""):
        assert time_in(name) is None
