"""Pace of replays: slow and even while callers run workflows, otherwise as fast as slots become free."""

import sys
from collections.abc import Container
from math import ceil, inf
from typing import Final

from shared.clock import Clock

QUIET_SECONDS: Final = 10.0
"""Replays run at full speed when no run of a caller has started or ended for this long."""
GROUP_SECONDS: Final = 0.5
"""Interval between groups of replays. Starting a group costs less than starting its replays one by one."""
MAX_WAIT_SECONDS: Final = 10.0
"""How long replays of a workspace wait for a slot behind queued runs of its callers. Then one of them starts."""


class ReplayPace:
    """Limit on the replays that may start now, over all sets. Each process observes the runs that it stores."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._callers_at = -inf
        self._next_at = -inf
        self._blocked_since: dict[str, float] = {}

    def observe_caller(self) -> None:
        """Record that a run of a caller has started or ended."""
        self._callers_at = self._clock.monotonic()

    def is_due(self) -> bool:
        """Return whether a step may judge and start replays now: while callers run workflows, once for each group."""
        return not self._are_callers_active() or self._clock.monotonic() >= self._next_at

    def room(self) -> int:
        """Return how many replays may start in a step that is due."""
        return ceil(self._per_second * GROUP_SECONDS) if self._are_callers_active() else sys.maxsize

    def end_step(self, started: int) -> None:
        """Record a step that started `started` replays."""
        if self._are_callers_active():
            now = self._clock.monotonic()
            paced = min(started, self.room())  # a caller may have arrived during a step at full speed
            is_late = now - GROUP_SECONDS < self._next_at <= now  # a delay of one step does not delay the next
            self._next_at = (self._next_at if is_late else now) + max(GROUP_SECONDS, paced / self._per_second)

    def record_wait(self, workspace_id: str) -> bool:
        """Record that queued runs of callers precede a workspace's replays. Return whether one may start anyway."""
        now = self._clock.monotonic()
        return now - self._blocked_since.setdefault(workspace_id, now) >= MAX_WAIT_SECONDS

    def end_wait(self, workspace_id: str) -> None:
        """Record that replays of a workspace have started."""
        self._blocked_since.pop(workspace_id, None)

    def drop_waits_except(self, workspace_ids: Container[str]) -> None:
        """Drop the waits of all other workspaces."""
        self._blocked_since = {name: since for name, since in self._blocked_since.items() if name in workspace_ids}

    def _are_callers_active(self) -> bool:
        return self._clock.monotonic() - self._callers_at < QUIET_SECONDS
