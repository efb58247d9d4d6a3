"""Large workflows for the engine benchmark."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Edges = list[tuple[str, str]]
START = "start"
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Scenario:
    """`build` returns the workflow of a size, `blocks` the number of its block executions."""

    name: str
    sizes: tuple[int, ...]
    build: Callable[[int], Document]
    blocks: Callable[[int], int]
    output_bytes: int = 16


def chain(size: int) -> Document:
    """Return a chain in which each block reads the previous one."""
    ids = [f"b{number}" for number in range(size)]
    blocks = [block(each, code=f"return <{before}.result>") for before, each in zip([START, *ids], ids, strict=False)]
    return document(blocks, list(zip([START, *ids], ids, strict=False)))


def fan_out(size: int) -> Document:
    """Return parallel blocks and one that joins them."""
    ids = [f"b{number}" for number in range(size)]
    blocks = [block(each) for each in [*ids, "join"]]
    return document(blocks, [(START, each) for each in ids] + [(each, "join") for each in ids])


def loop(size: int) -> Document:
    """Return a loop around one block."""
    return _container("loop", {"loopType": "for", "count": size})


def parallel(size: int) -> Document:
    """Return a parallel around one block."""
    return _container("parallel", {"parallelType": "count", "count": size})


def _container(kind: str, data: Document) -> Document:
    inner = block("inner", code=f"return <{kind}.index>", data={"parentId": "box", "extent": "parent"})
    edges = [(START, "box"), ("box", "inner")]
    made = document([block("box", kind, data=data), inner], edges)
    made["edges"][1]["sourceHandle"] = f"{kind}-start-source"
    return made


def block(block_id: str, kind: str = "function", *, data: Document | None = None, **values: str) -> Document:
    """Return a block with these settings."""
    return {
        "id": block_id,
        "type": kind,
        "name": block_id,
        "position": {"x": 0, "y": 0},
        "enabled": True,
        "subBlocks": {key: {"id": key, "type": "short-input", "value": value} for key, value in values.items()},
        "outputs": {},
        "data": data or {},
    }


def document(blocks: list[Document], edges: Edges) -> Document:
    """Return a workflow of a start and these blocks."""
    everything = [block(START, "start_trigger"), *blocks]
    return {
        "blocks": {each["id"]: each for each in everything},
        "edges": [
            {"id": f"e{number}", "source": source, "sourceHandle": "source", "target": target}
            for number, (source, target) in enumerate(edges)
        ],
        "loops": {},
        "parallels": {},
        "variables": {},
    }


SCENARIOS = (
    Scenario("chain", (250, 1_000, 4_000), chain, lambda size: size + 1),
    Scenario("fan-out", (250, 1_000, 4_000), fan_out, lambda size: size + 2),
    Scenario("loop", (2_500, 10_000, 40_000), loop, lambda size: size + 1),
    Scenario("parallel", (250, 1_000, 4_000), parallel, lambda size: size + 1),
    Scenario("1 MiB from each block of a chain", (10, 50, 100), chain, lambda size: size + 1, CHUNK_BYTES),
)
