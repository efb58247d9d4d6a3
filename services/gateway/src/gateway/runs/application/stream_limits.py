"""Limits of open event streams per caller and per run on this process."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from gateway.access.domain.credentials import Caller
from gateway.access.domain.limit_errors import TooManyStreams
from gateway.runs.ports import AttachedRun, FollowedRun


class StreamLimits:
    """Counter of open streams; refuses streams over a limit."""

    def __init__(self, *, per_caller: int, per_run: int) -> None:
        self._per_caller = per_caller
        self._per_run = per_run
        self._open: Counter[Hashable] = Counter()

    def reserve(self, caller: Caller, workspace_id: str, run_id: str) -> "StreamSlot":
        """Return the slot of one more stream. Raises TooManyStreams."""
        run = ("run", workspace_id, run_id)
        owner = ("caller", caller.workspace.id, caller.actor_id, caller.address)
        if self._open[run] >= self._per_run or self._open[owner] >= self._per_caller:
            raise TooManyStreams
        self._open.update((run, owner))
        return StreamSlot(self._open, (run, owner))

    @contextmanager
    def slot(self, caller: Caller, workspace_id: str, run_id: str) -> Iterator["StreamSlot"]:
        """Reserve a slot, and release it if the block fails to start the run. Raises TooManyStreams."""
        slot = self.reserve(caller, workspace_id, run_id)
        try:
            yield slot
        except BaseException:
            slot.release()
            raise


class StreamSlot:
    """Slot of an open stream."""

    def __init__(self, open_streams: Counter[Hashable], counted: tuple[Hashable, ...]) -> None:
        self._open = open_streams
        self._counted = counted

    def release(self) -> None:
        """Release the slot; idempotent."""
        counted, self._counted = self._counted, ()
        for each in counted:
            self._open[each] -= 1
            if not self._open[each]:
                del self._open[each]

    __del__ = release  # for streams that fail before they are sent


class _Limited:
    """Run that holds its stream's slot until the reader disconnects."""

    def __init__(self, run: FollowedRun | AttachedRun, slot: StreamSlot) -> None:
        self._hang_up = run.disconnect
        self._slot = slot
        self.run_id = run.run_id
        self.end_with = run.end_with

    def disconnect(self) -> None:
        """Release the slot, and hang up on the run."""
        self._slot.release()
        self._hang_up()


class LimitedRun(_Limited):
    """Implements FollowedRun: `run`, with its stream's slot."""

    def __init__(self, run: FollowedRun, slot: StreamSlot) -> None:
        super().__init__(run, slot)
        self.take = run.take


class LimitedAttachedRun(_Limited):
    """Implements AttachedRun: `run`, with its stream's slot."""

    def __init__(self, run: AttachedRun, slot: StreamSlot) -> None:
        super().__init__(run, slot)
        self.take = run.take
        self.outcome = run.outcome
