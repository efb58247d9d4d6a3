"""External and internal ids of a run."""

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import RUN_ID_PATTERN, new_id, public_run_id, run_key

NAMES = st.from_regex(RUN_ID_PATTERN, fullmatch=True)


@given(NAMES, st.uuids().map(str))
def test_every_name_comes_back(name: str, workspace_id: str) -> None:
    assert public_run_id(run_key(workspace_id, name)) == name


@given(NAMES, NAMES)
def test_two_names_never_share_a_key(one: str, other: str) -> None:
    assert (run_key("W1", one) == run_key("W1", other)) == (one == other)


def test_two_workspaces_may_use_one_name() -> None:
    assert run_key("W1", "order-17") != run_key("W2", "order-17")


def test_our_own_ids_are_their_own_keys() -> None:
    name = new_id()
    assert run_key("W1", name) == name
