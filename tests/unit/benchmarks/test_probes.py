"""Probes: each part of a call's time belongs to its innermost step, and the parts add up to the call."""

import asyncio

from benchmarks.probes import Probes, Span, divide_time


class Service:
    async def call(self) -> str:
        await asyncio.sleep(0)
        return self.read()

    def read(self) -> str:
        return "value"

    def fail(self) -> None:
        raise ValueError("failed")


def test_nested_spans_are_not_counted_twice() -> None:
    parts = divide_time(0, 10, [Span(2, 8, "outer"), Span(3, 5, "inner")], before="before", after="after")
    assert parts == {"before": 2, "outer": 4, "inner": 2, "after": 2}


def test_spans_of_other_calls_are_ignored() -> None:
    parts = divide_time(
        10, 20, [Span(5, 9, "earlier"), Span(12, 13, "own"), Span(19, 22, "later")], before="b", after="a"
    )
    assert parts == {"b": 2, "own": 1, "a": 7}


async def test_an_instrumented_function_behaves_as_before_and_records_a_span() -> None:
    probes = Probes()
    service = type("ProbedService", (Service,), {})
    probes.add_functions("outer", service, "call")
    probes.add_functions("inner", service, "read", "fail")
    assert await service().call() == "value"
    try:
        service().fail()
    except ValueError as error:
        assert str(error) == "failed"
    assert [span.step for span in probes.spans] == ["inner", "outer", "inner"]


def test_a_transfer_lasts_from_the_last_departure_to_the_arrival() -> None:
    probes = Probes()
    sender, receiver = type("Sender", (Service,), {}), type("Receiver", (Service,), {})
    probes.add_transfer("wire", (sender, "read"), (receiver, "read"))
    sender().read()
    receiver().read()
    (span,) = probes.spans
    assert span.step == "wire"
    assert span.began <= span.ended


def test_an_interval_lasts_from_its_entry_to_the_next_return_and_is_recorded_once() -> None:
    probes = Probes()
    worker, sender = type("Worker", (Service,), {}), type("Sender", (Service,), {})
    probes.add_interval("work", (worker, "read"), (sender, "read"))
    sender().read()
    worker().read()
    sender().read()
    sender().read()
    (span,) = probes.spans
    assert span.step == "work"
    assert span.began <= span.ended
