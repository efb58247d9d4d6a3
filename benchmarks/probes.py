"""Probes: spans of instrumented functions, and the share of each step in a call's duration."""

import functools
import inspect
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, order=True)
class Span:
    """Time span of a step."""

    began: float
    ended: float
    step: str


class Probes:
    """Instruments functions of this process, so that each call records a span."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add_functions(self, step: str, owner: type | ModuleType, *names: str) -> None:
        """Assign the time inside these functions to `step`, except nested spans."""
        for name in names:
            _wrap(owner, name, left=lambda began, ended: self.spans.append(Span(began, ended, step)))

    def add_transfer(self, step: str, departure: tuple[type, str], arrival: tuple[type, str]) -> None:
        """Assign the time from the last return of `departure` to the entry of `arrival` to `step`."""
        departed = 0.0

        def leave(began: float, ended: float) -> None:
            nonlocal departed
            departed = ended

        _wrap(*departure, left=leave)
        _wrap(*arrival, entered=lambda now: self.spans.append(Span(departed, now, step)))

    def add_interval(self, step: str, first: tuple[type, str], last: tuple[type, str]) -> None:
        """Assign the time from the entry of `first` to the next return of `last` to `step`, except nested spans."""
        begins: list[float] = []

        def leave(began: float, ended: float) -> None:
            if begins:
                self.spans.append(Span(begins[-1], ended, step))
                begins.clear()

        _wrap(*first, entered=begins.append)
        _wrap(*last, left=leave)


def _wrap(
    owner: type | ModuleType,
    name: str,
    *,
    entered: Callable[[float], None] = lambda now: None,
    left: Callable[[float, float], None] = lambda began, ended: None,
) -> None:
    function = getattr(owner, name)

    @contextmanager
    def noted() -> Iterator[None]:
        began = time.perf_counter()
        entered(began)
        try:
            yield
        finally:
            left(began, time.perf_counter())

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        with noted():
            return function(*arguments, **named)

    @functools.wraps(function)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        with noted():
            return await function(*arguments, **named)

    setattr(owner, name, awaited if inspect.iscoroutinefunction(function) else called)


def divide_time(began: float, ended: float, spans: Iterable[Span], *, before: str, after: str) -> Mapping[str, float]:
    """Divide a call's duration among its spans; the innermost open span gets the time.

    Time outside of all spans goes to `before` until the first of them, and to `after` later.
    """
    inside = sorted(span for span in spans if began <= span.began and span.ended <= ended)
    moments = sorted({began, ended, *(each.began for each in inside), *(each.ended for each in inside)})
    parts: dict[str, float] = defaultdict(float)
    for moment, following in itertools.pairwise(moments):
        owners = [span for span in inside if span.began <= moment < span.ended]
        fallback = before if not inside or moment < inside[0].began else after
        parts[max(owners).step if owners else fallback] += following - moment
    return parts
