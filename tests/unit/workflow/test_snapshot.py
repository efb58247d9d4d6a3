"""A snapshot is addressed by its content, the order of keys included."""

from hypothesis import given
from tests.support.workflow_states import block, json_values, workflow

from shared.workflow.format.js_values import Json
from shared.workflow.format.snapshot import snapshot_document, snapshot_hash


def test_a_snapshot_contains_what_runs_and_nothing_of_the_editor() -> None:
    assert snapshot_document({"lastSaved": 1, "blocks": {"a": {}}, "edges": None}) == {
        "blocks": {"a": {}},
        "edges": [],
        "loops": {},
        "parallels": {},
        "variables": {},
    }


def test_the_order_of_blocks_counts() -> None:
    one, other = workflow(block("a"), block("b")), workflow(block("b"), block("a"))
    assert snapshot_hash(one) != snapshot_hash(other)
    assert snapshot_hash(one) == snapshot_hash(workflow(block("a"), block("b")))


def test_the_hash_never_changes_between_releases() -> None:
    document = snapshot_document({"blocks": {"a": {"id": "ä", "n": 1.5}}})
    assert snapshot_hash(document) == "14898f337d0f8ee1a06e5b16b472199ea1868b83c575c26aa1b6e5be38dd3f84"


@given(json_values())
def test_any_state_has_a_hash(value: Json) -> None:
    assert len(snapshot_hash({"blocks": value})) == 64
