"""Round-robin scheduling between workspaces, within each one's concurrency."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """Waiting and active runs of one workspace, and its limit."""

    waiting: int
    active: int
    """Dispatched or in progress."""
    concurrency_limit: int

    @property
    def eligible(self) -> int:
        """Return how many more runs may be dispatched now."""
        return max(0, min(self.waiting, self.concurrency_limit - self.active))

    def is_full_after(self, served: int) -> bool:
        """Return whether no concurrency slot is left after dispatching `served` more runs."""
        return self.active + served >= self.concurrency_limit


def round_robin(demands: Mapping[str, Demand], slots: int, *, after: str = "") -> list[str]:
    """Return a workspace for each slot, in turn, starting after the workspace served last."""
    order = sorted(name for name, demand in demands.items() if demand.eligible)
    first = bisect_right(order, after)
    order = order[first:] + order[:first]
    left = {name: demands[name].eligible for name in order}
    chosen: list[str] = []
    while order and len(chosen) < slots:
        round_ = order[: slots - len(chosen)]
        chosen.extend(round_)
        for name in round_:
            left[name] -= 1
        order = [name for name in order if left[name]]
    return chosen
