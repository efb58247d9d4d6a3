"""The blocks that a start can reach, and when each edge is taken."""

import pytest
from tests.support.workflow_states import block, edge, start, workflow

from shared.workflow.compile.graph import Edge, EdgeCondition, Graph, build_graph
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.reader import read_state


def graph(
    *blocks: JsonObject, edges: tuple[JsonObject, ...] = (), options: dict[str, list[str]] | None = None
) -> Graph:
    return build_graph(read_state(workflow(start(), *blocks, edges=edges)), options or {}, start="start")


def nodes(found: Graph, container: str | None = None) -> list[str]:
    return [node.block_id for node in found.body(container).nodes]


def way_out(found: Graph, block_id: str) -> list[Edge]:
    return [edge for node in found.root.nodes if node.block_id == block_id for edge in node.edges]


def inside(block_id: str, parent: str, kind: str = "function", **data: object) -> JsonObject:
    return block(block_id, kind, data={"parentId": parent, **data})  # type: ignore[dict-item]


def test_only_what_the_start_reaches_is_part_of_the_run() -> None:
    found = graph(block("a"), block("b"), block("lonely"), edges=(edge("start", "a"), edge("a", "b")))
    assert nodes(found) == ["start", "a", "b"]
    assert found.root.in_degrees == (0, 1, 1)
    assert found.root.entries == (0,)


def test_a_disabled_block_cuts_what_follows_unless_another_way_leads_there() -> None:
    off = block("off", enabled=False)
    cut = graph(off, block("z"), edges=(edge("start", "off"), edge("off", "z")))
    around = graph(off, block("z"), edges=(edge("start", "off"), edge("off", "z"), edge("start", "z")))
    assert (nodes(cut), nodes(around)) == (["start"], ["start", "z"])


def test_notes_and_missing_blocks_are_not_part_of_it() -> None:
    found = graph(block("n", "note"), edges=(edge("start", "n"), edge("start", "ghost"), edge("ghost", "start")))
    assert nodes(found) == ["start"]


@pytest.mark.parametrize(
    ("handle", "fires", "choice"),
    [
        ("source", EdgeCondition.ON_SUCCESS, ""),
        ("source-right", EdgeCondition.ON_SUCCESS, ""),
        (None, EdgeCondition.ALWAYS, ""),
        ("", EdgeCondition.ALWAYS, ""),
        ("error", EdgeCondition.ON_ERROR, ""),
        ("whatever", EdgeCondition.ALWAYS, ""),
        ("condition-a-if", EdgeCondition.ON_OPTION, "a-if"),
        ("router-r1", EdgeCondition.ON_ROUTE, "r1"),
    ],
)
def test_a_handle_determines_when_its_edge_is_taken(handle: str | None, fires: EdgeCondition, choice: str) -> None:
    found = graph(block("a"), block("b"), edges=(edge("start", "a"), edge("a", "b", handle)))
    assert way_out(found, "a") == [Edge(2, fires, choice)]


@pytest.mark.parametrize(
    ("kind", "fires"), [("condition", EdgeCondition.ON_OPTION), ("router_v2", EdgeCondition.ON_ROUTE)]
)
def test_edges_without_a_handle_mean_options_by_position(kind: str, fires: EdgeCondition) -> None:
    edges = (edge("start", "c"), *(edge("c", target, None) for target in "xyz"))
    found = graph(block("c", kind), *map(block, "xyz"), edges=edges, options={"c": ["first", "second"]})
    assert [(way.fires, way.choice) for way in way_out(found, "c")] == [
        (fires, "first"),
        (fires, "second"),
        (EdgeCondition.ALWAYS, ""),
    ]


def test_an_older_router_leads_to_blocks_for_any_handle() -> None:
    found = graph(block("r", "router"), block("a"), edges=(edge("start", "r"), edge("r", "a", "source")))
    assert way_out(found, "r") == [Edge(2, EdgeCondition.ON_ROUTE, "a")]


def test_duplicate_edges_are_merged_and_self_loops_dropped() -> None:
    twice = {**edge("start", "a"), "id": "again"}
    found = graph(block("a"), edges=(edge("start", "a"), twice, edge("a", "a")))
    assert found.root.in_degrees == (0, 1)


def test_a_container_is_a_node_with_a_body() -> None:
    found = graph(
        block("l", "loop"),
        inside("a", "l"),
        inside("b", "l"),
        block("after"),
        edges=(edge("start", "l"), edge("l", "a", "loop-start-source"), edge("a", "b"), edge("l", "after", "anything")),
    )
    assert nodes(found) == ["start", "l", "after"]
    assert nodes(found, "l") == ["a", "b"]
    assert found.bodies["l"].entries == (0,)
    assert way_out(found, "l") == [Edge(2, EdgeCondition.ALWAYS)]


def test_every_child_without_a_predecessor_inside_starts() -> None:
    found = graph(
        block("l", "loop"),
        inside("a", "l"),
        inside("b", "l"),
        edges=(edge("start", "l"), edge("l", "a", "loop-start-source"), edge("start", "b")),
    )
    assert found.bodies["l"].entries == (0, 1)


def test_a_child_without_any_edge_is_not_reached() -> None:
    found = graph(block("l", "loop"), inside("a", "l"), edges=(edge("start", "l"),))
    assert nodes(found, "l") == []


def test_edges_across_a_border_are_dropped() -> None:
    found = graph(
        block("l", "loop"),
        inside("a", "l"),
        block("z"),
        edges=(edge("start", "l"), edge("l", "a", "loop-start-source"), edge("a", "z"), edge("start", "z")),
    )
    assert found.bodies["l"].nodes[0].is_terminal
    assert found.root.in_degrees == (0, 1, 1)


def test_a_disabled_container_takes_its_children_with_it() -> None:
    off = block("l", "loop", enabled=False)
    found = graph(off, inside("a", "l"), edges=(edge("start", "l"), edge("start", "a")))
    assert nodes(found) == ["start"]


def test_children_that_form_a_circle_have_no_beginning() -> None:
    found = graph(
        block("l", "loop"),
        inside("a", "l"),
        inside("b", "l"),
        edges=(edge("start", "l"), edge("l", "a", "loop-start-source"), edge("a", "b"), edge("b", "a")),
    )
    assert found.bodies["l"].entries == ()


def test_a_block_knows_the_first_block_before_it() -> None:
    found = graph(
        block("a"),
        block("b"),
        block("j"),
        edges=(edge("start", "a"), edge("start", "b"), edge("b", "j"), edge("a", "j")),
    )
    assert {node.block_id: node.first_source for node in found.root.nodes} == {
        "start": None,
        "a": "start",
        "b": "start",
        "j": "b",
    }


def test_without_a_start_everything_enabled_is_there() -> None:
    state = read_state(workflow(block("a"), block("b"), block("off", enabled=False), edges=(edge("a", "b"),)))
    found = build_graph(state, {}, start=None)
    assert (nodes(found), found.root.entries) == (["a", "b"], (0,))
