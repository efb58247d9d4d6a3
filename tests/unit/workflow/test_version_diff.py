"""Changes are described for people, and moving blocks is no change."""

import copy
import json

import pytest
from hypothesis import given
from tests.support.workflow_states import block, chain, documents, edge, start, workflow

from shared.contracts.changes import ChangeKind
from shared.errors import InvalidWorkflow
from shared.workflow.diff.version_diff import changes, needs_redeployment
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.structure import structure_problems

BRANCHES: Json = [{"id": "a-if", "title": "if"}, {"id": "a-2"}, "odd"]
SAME_TABLE: Json = [{"id": "r9", "cells": {"Key": "a", "Value": "1"}}, {"id": "r2", "cells": {"Key": ""}}]
TABLE: Json = [{"id": "r1", "cells": {"Key": "a", "Value": "1"}}]


def summaries(before: JsonObject, after: JsonObject) -> list[str]:
    found = changes(before, after)
    assert needs_redeployment(after, before) is bool(found)
    return [change.summary for change in found]


def changed(before: JsonObject, after: JsonObject) -> list[str]:
    return summaries(workflow(start(), before), workflow(start(), after))


def api(**values: Json) -> JsonObject:
    document = block("a", "api", "Call", settings=values)
    document["subBlocks"] = {
        key: {"id": key, "type": "table" if key == "headers" else "short-input", "value": value}
        for key, value in values.items()
    }
    return document


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (block("a"), {**block("a"), "position": {"x": 9, "y": 9}, "height": 5, "layout": {}, "locked": True}),
        (block("a"), {**block("a"), "outputs": {"x": "json"}, "is_diff": "new", "field_diffs": {}}),
        (block("a"), {**block("a"), "advancedMode": False, "triggerMode": None, "horizontalHandles": True}),
        (block("a"), block("a", data={"width": 5, "height": 7, "extent": "parent"})),
        (block("a", code=None), block("a", code="")),
        (block("a"), block("a", code="")),
        (block("a"), block("a", triggerId="x", samplePayload_1="y", webhookId="z")),
        (block("a", code="x"), {**block("a"), "subBlocks": {"code": {"id": "code", "type": "code", "value": "x"}}}),
        (block("a", n=1), block("a", n=1.0)),
        (block("a", o={"x": 1, "y": 2}), block("a", o={"y": 2, "x": 1})),
        (block("a", "agent", tools=[{"type": "t"}]), block("a", "agent", tools=[{"type": "t", "isExpanded": True}])),
        (block("a", inputFormat=[{"name": "n"}]), block("a", inputFormat=[{"name": "n", "collapsed": True}])),
        (api(headers=TABLE), api(headers=SAME_TABLE)),
        (block("a"), {**block("a"), "retry": {"enabled": False, "maxTries": 4}}),
    ],
)
def test_editor_only_changes_are_not_changes(before: JsonObject, after: JsonObject) -> None:
    assert changed(before, after) == []
    assert changed(after, before) == []


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        (block("a", name="One"), block("a", name="Two"), 'Renamed "One" to "Two"'),
        (block("a"), block("a", enabled=False), 'Changed enabled of "a"'),
        (block("a"), {**block("a"), "advancedMode": True}, 'Changed advancedMode of "a"'),
        (block("a"), {**block("a"), "errorEnabled": True}, 'Changed errorEnabled of "a"'),
        (block("a"), block("a", "agent"), 'Changed type of "a"'),
        (block("a", code="x"), block("a", code="y"), 'Changed code of "a"'),
        (block("a", flag=True), block("a", flag=1), 'Changed flag of "a"'),
        (block("a"), block("a", data={"canonicalModes": {"x": "advanced"}}), 'Changed canonicalModes of "a"'),
        (api(headers=TABLE), api(headers=[]), 'Changed headers of "Call"'),
        (block("a"), {**block("a"), "retry": {"enabled": True, "maxTries": 4}}, 'Changed retry of "a"'),
    ],
)
def test_a_changed_block_is_named_with_its_field(before: JsonObject, after: JsonObject, summary: str) -> None:
    assert changed(before, after) == [summary]


def test_a_changed_value_is_shown_before_and_after() -> None:
    change = changes(workflow(block("a", code="x")), workflow(block("a", code="y")))[0]
    assert (change.kind, change.block_id, change.block_name, change.field) == (
        ChangeKind.BLOCK_CHANGED,
        "a",
        "a",
        "code",
    )
    assert (change.before, change.after) == ("x", "y")


def test_added_and_removed_blocks_and_edges_are_reported() -> None:
    assert summaries(chain(start(), block("a", name="A")), chain(start(), block("b", name="B"))) == [
        'Added "B"',
        'Removed "A"',
        'Connected "Start" to "B"',
        'Disconnected "Start" to "A"',
    ]


def test_an_edge_is_its_ends_and_handles() -> None:
    def between(*edges: JsonObject) -> JsonObject:
        return workflow(block("a"), block("b"), edges=edges)

    plain = between(edge("a", "b"))
    assert summaries(plain, between({**edge("a", "b"), "id": "other", "type": "smooth", "animated": True})) == []
    assert summaries(plain, between(edge("a", "b", "source-right"))) == []
    assert summaries(plain, between(edge("a", "b", "error"))) == [
        'Connected "a" (error) to "b"',
        'Disconnected "a" to "b"',
    ]
    assert summaries(plain, between(edge("a", "b"), edge("a", "gone"))) == ['Connected "a" to "gone"']


@pytest.mark.parametrize("stored", [json.dumps(BRANCHES), BRANCHES])
@pytest.mark.parametrize(
    ("kind", "setting", "prefix"), [("condition", "conditions", "condition"), ("router_v2", "routes", "router")]
)
def test_a_source_handle_has_its_authors_name(stored: Json, kind: str, setting: str, prefix: str) -> None:
    choice = block("a", kind, settings={setting: stored})
    ways = [edge("a", "b", f"{prefix}-{way}") for way in ("a-if", "a-2", "a-gone")]
    assert summaries(workflow(choice, block("b")), workflow(choice, block("b"), edges=tuple(ways))) == [
        'Connected "a" (Route 2) to "b"',
        f'Connected "a" ({prefix}-a-gone) to "b"',
        'Connected "a" (if) to "b"',
    ]


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        ({"count": 2}, {"count": 3}, ['Changed iterations of "L"']),
        ({"count": 2, "collection": "x"}, {"count": 2, "whileCondition": "y"}, []),
        ({"loopType": "forEach", "count": 2}, {"loopType": "forEach", "count": 3}, []),
        ({"loopType": "forEach"}, {"loopType": "forEach", "collection": "[1]"}, ['Changed collection of "L"']),
        ({"loopType": "while"}, {"loopType": "while", "whileCondition": "x"}, ['Changed condition of "L"']),
        ({"loopType": "doWhile", "count": 2}, {"loopType": "doWhile", "count": 3}, ['Changed iterations of "L"']),
        (
            {"loopType": "doWhile", "count": 2, "doWhileCondition": "x"},
            {"loopType": "doWhile", "count": 3, "doWhileCondition": "x"},
            [],
        ),
    ],
)
def test_only_the_settings_that_a_kind_of_loop_uses_count(
    before: JsonObject, after: JsonObject, summary: list[str]
) -> None:
    assert changed(block("L", "loop", data=before), block("L", "loop", data=after)) == summary


def test_a_parallel_counts_branches_or_items() -> None:
    def parallel(**data: Json) -> JsonObject:
        return block("P", "parallel", data=data)

    assert changed(parallel(count=2), parallel(count=3)) == ['Changed count of "P"']
    assert changed(parallel(count=2), parallel(count=2, collection="[1]")) == []
    assert changed(parallel(parallelType="collection"), parallel(parallelType="collection", collection="[1]")) == [
        'Changed collection of "P"'
    ]
    assert changed(parallel(), parallel(batchSize=3)) == ['Changed batchSize of "P"']


def test_moving_a_block_into_a_container_is_a_change_of_the_container() -> None:
    loop = block("L", "loop")
    assert summaries(workflow(loop, block("f")), workflow(loop, block("f", data={"parentId": "L"}))) == [
        'Changed blocks of "L"'
    ]


def test_stored_container_maps_do_not_count() -> None:
    document = workflow(block("L", "loop"))
    assert summaries(document, {**document, "loops": {"L": {"iterations": 99}}}) == []


def test_variables_are_compared_by_id() -> None:
    def with_variable(**fields: Json) -> JsonObject:
        return workflow(variables={"v": {"id": "v", "name": "n", "type": "string", **fields}})

    assert summaries(workflow(), with_variable()) == ['Added variable "n"']
    assert summaries(with_variable(), workflow()) == ['Removed variable "n"']
    assert summaries(with_variable(value="1"), with_variable(value="2")) == ['Changed value of "variable n"']
    assert summaries(with_variable(), with_variable(validationError="x", workflowId="w")) == []


def test_nothing_live_needs_no_redeployment() -> None:
    assert not needs_redeployment(workflow(start()), None)


def test_a_document_that_is_not_a_workflow_cannot_be_compared() -> None:
    with pytest.raises(InvalidWorkflow):
        changes({}, workflow())


@given(documents(), documents())
def test_a_state_never_differs_from_its_copy_and_a_difference_is_seen_from_both_sides(one: Json, other: Json) -> None:
    if structure_problems(one) or structure_problems(other):
        return
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert changes(one, copy.deepcopy(one)) == []
    assert needs_redeployment(one, other) == needs_redeployment(other, one) == bool(changes(one, other))
