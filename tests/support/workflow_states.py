"""Small workflow documents for tests of the format, and arbitrary JSON."""

import itertools
from typing import Any

from hypothesis import strategies as st

from shared.workflow.format.js_values import Json, JsonObject

START: JsonObject = {"id": "start", "type": "start_trigger", "name": "Start", "subBlocks": {}}


def block(
    block_id: str,
    kind: str = "function",
    name: str | None = None,
    *,
    data: JsonObject | None = None,
    enabled: bool = True,
    settings: JsonObject | None = None,
    **values: Json,
) -> JsonObject:
    """Return a block whose settings are given as an object, or by keyword."""
    values = {**(settings or {}), **values}
    return {
        "id": block_id,
        "type": kind,
        "name": name or block_id,
        "position": {"x": 0, "y": 0},
        "enabled": enabled,
        "subBlocks": {
            key: {"id": key, "type": "short-input", "value": value}
            for key, value in {**(settings or {}), **values}.items()
        },
        "data": data or {},
    }


def sound_block(block_id: str, kind: str = "function", name: str | None = None, **given: Any) -> JsonObject:
    """A block like `block`; a function without settings gets code, and an agent gets messages."""
    values = {key: value for key, value in given.items() if key not in ("data", "enabled", "settings")}
    if kind == "function" and not values and not given.get("settings"):
        given["code"] = "return 1"
    if kind == "agent" and "messages" not in {**(given.get("settings") or {}), **values}:
        given["messages"] = [{"role": "user", "content": "Hi"}]
    return block(block_id, kind, name, **given)


def start(*fields: JsonObject, kind: str = "start_trigger", **values: Json) -> JsonObject:
    """Return a start block with an input format."""
    return block("start", kind, "Start", settings={"inputFormat": [*fields], **values})


def edge(source: str, target: str, handle: str | None = "source") -> JsonObject:
    """Return an edge, named by its ends."""
    return {"id": f"{source}-{target}-{handle}", "source": source, "target": target, "sourceHandle": handle}


def workflow(*blocks: JsonObject, edges: tuple[JsonObject, ...] = (), variables: Json = None) -> JsonObject:
    """Return a document of these blocks."""
    return {
        "blocks": {str(each["id"]): each for each in blocks},
        "edges": list(edges),
        "loops": {},
        "parallels": {},
        "variables": {} if variables is None else variables,
    }


def chain(*blocks: JsonObject) -> JsonObject:
    """Return a document of these blocks, each connected to the next."""
    ids = [str(each["id"]) for each in blocks]
    return workflow(*blocks, edges=tuple(edge(a, b) for a, b in itertools.pairwise(ids)))


def json_values(max_leaves: int = 20) -> st.SearchStrategy[Json]:
    """Return a strategy for any JSON value."""
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | st.text(max_size=20)
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(KNOWN_KEYS) | st.text(max_size=8), inner, max_size=5)
        ),
        max_leaves=max_leaves,
    )


STATE_KEYS = ("blocks", "edges", "loops", "variables", "metadata", "state", "workflow", "source", "target")
BLOCK_KEYS = ("id", "type", "name", "position", "subBlocks", "value", "data", "parentId", "enabled", "retry")
SETTINGS = ("inputFormat", "messages", "tools", "systemPrompt", "userPrompt", "responseFormat", "conditions")
KNOWN_KEYS = (*STATE_KEYS, *BLOCK_KEYS, *SETTINGS)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Return documents that are nearly workflows: some fields have the right shape, some have any."""
    ids = draw(st.lists(st.sampled_from(["a", "b", "c", "start"]), unique=True, max_size=4))
    kinds = st.sampled_from(["start_trigger", "agent", "function", "loop", "parallel", "condition", "nonsense"])
    blocks: dict[str, Json] = {}
    for block_id in ids:
        known = block(block_id, draw(kinds), draw(st.sampled_from(["Agent 1", "Loop", "x", ""])))
        known["data"] = {"parentId": draw(st.sampled_from(["a", "b", "zz"]))}
        if draw(st.booleans()):
            known["subBlocks"] = {draw(st.sampled_from(KNOWN_KEYS)): {"value": draw(json_values(6))}}
        if draw(st.integers(0, 9)) == 0:
            known[draw(st.sampled_from(KNOWN_KEYS))] = draw(json_values(6))
        blocks[block_id] = known
    ends = st.sampled_from([*ids, "gone"])
    edges: list[Json] = [{**edge(draw(ends), draw(ends)), "id": f"e{n}"} for n in range(draw(st.integers(0, 5)))]
    document: dict[str, Json] = {"blocks": blocks, "edges": edges}
    if draw(st.booleans()):
        document[draw(st.sampled_from(["loops", "parallels", "variables", "metadata"]))] = draw(json_values(6))
    return document
