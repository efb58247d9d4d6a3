"""A block begins when all its incoming edges are decided, and not before."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.engine.building import Scripted, engine_of, execution
from tests.support.engine.random_graphs import Step, as_document, bodies
from tests.support.engine.scripts import rounds_of, script

from executor_service.engine import Call

Rounds = tuple[int, ...]


@dataclass
class Diary:
    """Records when each execution of each block begins and ends, in steps of a logical clock."""

    random: Random
    clock: int = 0
    began: dict[tuple[str, Rounds], int] = field(default_factory=dict)
    ended: dict[tuple[str, Rounds], int] = field(default_factory=dict)
    times: dict[tuple[str, Rounds], int] = field(default_factory=lambda: defaultdict(int))

    async def write(self, call: Call) -> Any:
        """Take a while, so that blocks overtake each other."""
        execution = (call.block.id, rounds_of(call))
        self.times[execution] += 1
        self.began[execution] = self._tick()
        for _ in range(self.random.randrange(5)):
            await asyncio.sleep(0)
        self.ended[execution] = self._tick()
        return script(call)

    def _tick(self) -> int:
        self.clock += 1
        return self.clock


@given(bodies(), st.integers(0, 1_000))
def test_a_join_never_starts_before_its_predecessors_end(steps: list[Step], seed: int) -> None:
    diary = Diary(Random(seed))
    handler = Scripted(diary.write)
    engine = engine_of({"function": handler, "condition": handler})
    asyncio.run(execution(engine, as_document(steps)).run())
    assert set(diary.times.values()) <= {1}
    for source, target, iterations in _edges(steps, ()):
        ends = [diary.ended[each] for each in _executions(source, iterations) if each in diary.ended]
        begins = [diary.began[each] for each in _executions(target, iterations) if each in diary.began]
        if ends and begins:
            assert max(ends) < min(begins), (source.id, target.id, iterations)


def _edges(steps: list[Step], iterations: Rounds) -> Iterator[tuple[Step, Step, Rounds]]:
    """Yield every edge, in every round of the containers around it."""
    for step in steps:
        yield from ((step, steps[target], iterations) for _, target in step.ways)
        for number in range(step.iterations):
            yield from _edges(step.body, (number, *iterations))


def _executions(step: Step, iterations: Rounds) -> Iterator[tuple[str, Rounds]]:
    """Yield every possible execution of a step in these rounds."""
    if not step.body:
        yield step.id, iterations
    for number in range(step.iterations):
        for inner in step.body:
            yield from _executions(inner, (number, *iterations))
