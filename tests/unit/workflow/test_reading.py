"""A document becomes a typed state, its containers rebuilt from its blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.workflow_states import block, documents, edge, json_values, start, workflow

from shared.errors import InvalidWorkflow
from shared.workflow.format.js_values import Json
from shared.workflow.format.models import LoopConfig, RetryPolicy
from shared.workflow.format.reader import read_state


def test_blocks_edges_and_variables_keep_their_order() -> None:
    variables: Json = {"v2": {"id": "v2", "name": "Two", "type": "number", "value": "2"}, "v1": {"id": "v1"}}
    state = read_state(
        workflow(block("b"), start(), block("a"), edges=(edge("b", "a"), edge("start", "b")), variables=variables)
    )
    assert list(state.blocks) == ["b", "start", "a"]
    assert [each.source for each in state.edges] == ["b", "start"]
    assert [(each.id, each.name, each.type) for each in state.variables.values()] == [
        ("v2", "Two", "number"),
        ("v1", "v1", "plain"),
    ]


def test_unknown_keys_are_ignored_and_missing_ones_have_defaults() -> None:
    state = read_state({"blocks": {"a": {"id": "a", "type": "function", "colour": "red"}}, "edges": [], "x": 1})
    assert state.blocks["a"].name == "function"
    assert state.blocks["a"].enabled
    assert state.blocks["a"].value("code") is None


def test_a_loop_is_rebuilt_from_its_block_and_children() -> None:
    document = workflow(
        block("L", "loop", data={"loopType": "forEach", "count": 0, "collection": "<start.items>"}),
        block("f", data={"parentId": "L"}),
        block("g", data={"parentId": "L"}),
    )
    document["loops"] = {"L": {"id": "L", "nodes": ["zz"], "iterations": 99, "loopType": "for"}}
    assert read_state(document).loops["L"] == LoopConfig(
        id="L", nodes=("f", "g"), loop_type="forEach", iterations=5, for_each_items="<start.items>"
    )


@pytest.mark.parametrize(
    ("data", "kind", "count", "batch"),
    [
        ({}, "count", 5, 20),
        ({"parallelType": "count", "count": "3", "batchSize": 99}, "count", "3", 20),
        ({"parallelType": "collection", "batchSize": 0}, "collection", 5, 1),
        ({"parallelType": "strange", "batchSize": "7"}, "collection", 5, 7),
        ({"batchSize": "many"}, "count", 5, 20),
        ({"batchSize": " "}, "count", 5, 20),
    ],
)
def test_a_parallel_is_rebuilt_from_its_block(data: dict[str, Json], kind: str, count: Json, batch: int) -> None:
    parallel = read_state(workflow(block("P", "parallel", data=data))).parallels["P"]
    assert (parallel.parallel_type, parallel.count, parallel.batch_size) == (kind, count, batch)


@pytest.mark.parametrize(
    ("stored", "policy"),
    [
        (None, None),
        ({"enabled": False, "maxTries": 3}, None),
        ({"enabled": True}, RetryPolicy(3, 1000)),
        ({"enabled": True, "maxTries": 1, "waitBetweenTriesMs": -5}, RetryPolicy(2, 0)),
        ({"enabled": True, "maxTries": 9, "waitBetweenTriesMs": 60_000}, RetryPolicy(5, 5000)),
        ({"enabled": True, "maxTries": "x"}, RetryPolicy(3, 1000)),
        ({"enabled": True, "maxTries": "", "waitBetweenTriesMs": ""}, RetryPolicy(3, 1000)),
    ],
)
def test_retries_stay_within_the_bounds_of_the_format(stored: Json, policy: RetryPolicy | None) -> None:
    assert read_state(workflow({**block("a"), "retry": stored})).blocks["a"].retry == policy


def test_the_first_block_of_a_name_is_the_one_that_references_mean() -> None:
    state = read_state(workflow(block("n", "note", "Dup X"), block("a", name="Dup X"), block("b", name="dupx")))
    found = state.block_named("dupx")
    assert found is not None
    assert found.id == "a"
    assert state.block_named("gone") is None


def test_containers_around_a_block_are_listed_innermost_first() -> None:
    state = read_state(
        workflow(
            block("outer", "loop"),
            block("inner", "parallel", data={"parentId": "outer"}, enabled=False),
            block("f", data={"parentId": "inner"}),
            block("lost", data={"parentId": "nowhere"}),
            block("self", "loop", data={"parentId": "self"}),
        )
    )
    assert state.containers_of("f") == ("inner", "outer")
    assert state.containers_of("lost") == ()
    assert state.containers_of("self") == ("self",)
    assert not state.is_enabled("f")
    assert state.is_enabled("outer")


def test_every_structural_problem_is_listed() -> None:
    document: Json = {
        "blocks": {
            "a": {"type": "function", "name": 5, "position": {"x": "1"}},
            "b": {"id": "c", "type": "", "subBlocks": {"code": "return 1"}, "data": []},
            "d": {"id": "c", "type": "loop"},
            "e": None,
        },
        "edges": [{"id": "e1", "source": "a"}, "x", {"id": "e1", "source": "a", "target": "b"}],
        "loops": [],
        "variables": {"v": 1},
    }
    with pytest.raises(InvalidWorkflow) as refused:
        read_state(document)
    assert refused.value.details == [
        "Block a missing required field: id",
        "Block a has an invalid field: name (must be text)",
        "Block a has an invalid field: position (x and y must be numbers)",
        "Block b missing required field: type",
        "Block b has another id inside: c",
        "Block b has an invalid sub-block: code (must be an object with id, type and value)",
        "Block b has an invalid field: data (must be an object)",
        "Block d has another id inside: c",
        "Block e must be an object",
        "Duplicate block id: c",
        "Edge at index 0 missing required field: target",
        "Edge at index 1 must be an object",
        "Duplicate edge id: e1",
        "Invalid field: loops (must be an object)",
        "Invalid field: variables (every variable must be an object)",
    ]
    assert all(problem in refused.value.message for problem in refused.value.details)


def test_values_that_lie_too_deep_are_refused() -> None:
    def nested(levels: int) -> Json:
        value: Json = "deep"
        for _ in range(levels):
            value = [value]
        return value

    assert read_state(workflow(block("a", code=nested(90)))).blocks["a"].value("code") == nested(90)
    with pytest.raises(InvalidWorkflow, match="nested more than 100 levels deep"):
        read_state(workflow(block("a", code=nested(100_000))))


@given(json_values() | documents())
def test_any_json_is_read_or_refused_with_its_problems(document: Json) -> None:
    try:
        state = read_state(document)
    except InvalidWorkflow as refused:
        assert refused.details
        assert refused.message.startswith("Invalid workflow: ")
    else:
        assert isinstance(document, dict)
        assert isinstance(document["blocks"], dict)
        assert list(state.blocks) == list(document["blocks"])


@given(st.integers(2, 400))
def test_big_workflows_are_read_whole(size: int) -> None:
    state = read_state(workflow(*(block(f"b{n}", data={"parentId": "b0"}) for n in range(size))))
    assert len(state.blocks) == size
