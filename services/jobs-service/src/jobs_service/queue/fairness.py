"""Whose run is dispatched next: round robin between workspaces, each up to its concurrency."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """What one workspace has and may have."""

    waiting: int
    active: int
    """Dispatched or at work."""
    concurrency_limit: int

    @property
    def eligible(self) -> int:
        """How many more may be dispatched now."""
        return max(0, min(self.waiting, self.concurrency_limit - self.active))

    def is_full_after(self, served: int) -> bool:
        """Whether its places are all taken, once so many more are dispatched."""
        return self.active + served >= self.concurrency_limit


def next_turns(demands: Mapping[str, Demand], places: int, *, after: str = "") -> list[str]:
    """Whose turn each of `places` is, beginning behind the workspace that was served last."""
    order = sorted(name for name, demand in demands.items() if demand.eligible)
    first = bisect_right(order, after)
    order = order[first:] + order[:first]
    left = {name: demands[name].eligible for name in order}
    turns: list[str] = []
    while order and len(turns) < places:
        round_ = order[: places - len(turns)]
        turns.extend(round_)
        for name in round_:
            left[name] -= 1
        order = [name for name in order if left[name]]
    return turns
