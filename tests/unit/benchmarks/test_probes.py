"""Each moment of a call belongs to one step, the innermost, and the steps add up to the call."""

import asyncio

from benchmarks.probes import Probes, Span, divided


class Door:
    async def enter(self) -> str:
        await asyncio.sleep(0)
        return self.look()

    def look(self) -> str:
        return "seen"

    def fall(self) -> None:
        raise ValueError("it fell")


def test_what_is_inside_another_step_is_not_counted_twice() -> None:
    parts = divided(0, 10, [Span(2, 8, "outer"), Span(3, 5, "inner")], before="before", after="after")
    assert parts == {"before": 2, "outer": 4, "inner": 2, "after": 2}


def test_spans_of_other_calls_are_left_out() -> None:
    parts = divided(10, 20, [Span(5, 9, "earlier"), Span(12, 13, "ours"), Span(19, 22, "later")], before="b", after="a")
    assert parts == {"b": 2, "ours": 1, "a": 7}


async def test_a_probed_function_does_what_it_did_before_and_leaves_a_span() -> None:
    probes = Probes()
    door = type("ProbedDoor", (Door,), {})
    probes.watch("outer", door, "enter")
    probes.watch("inner", door, "look", "fall")
    assert await door().enter() == "seen"
    try:
        door().fall()
    except ValueError as error:
        assert str(error) == "it fell"
    assert [span.step for span in probes.spans] == ["inner", "outer", "inner"]


def test_a_crossing_lasts_from_the_last_departure_to_the_arrival() -> None:
    probes = Probes()
    sender, receiver = type("Sender", (Door,), {}), type("Receiver", (Door,), {})
    probes.crossing("wire", (sender, "look"), (receiver, "look"))
    sender().look()
    receiver().look()
    (span,) = probes.spans
    assert span.step == "wire"
    assert span.began <= span.ended


def test_a_stretch_lasts_from_its_first_entry_to_the_next_return_of_its_last_and_is_there_once() -> None:
    probes = Probes()
    worker, sender = type("Worker", (Door,), {}), type("Sender", (Door,), {})
    probes.stretch("work", (worker, "look"), (sender, "look"))
    sender().look()
    worker().look()
    sender().look()
    sender().look()
    (span,) = probes.spans
    assert span.step == "work"
    assert span.began <= span.ended
