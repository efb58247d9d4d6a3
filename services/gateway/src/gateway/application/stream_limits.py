"""How many event streams of runs one caller, and one run, may have open on this process."""

from collections import Counter
from collections.abc import Hashable, Sequence

from gateway.domain.credentials import Caller
from gateway.domain.errors.limits import TooManyStreams
from gateway.ports import FollowedRun, Numbered
from shared.errors import FlowportError


class StreamLimits:
    """Counts open streams; the one over a limit is refused."""

    def __init__(self, *, per_caller: int, per_run: int) -> None:
        self._per_caller = per_caller
        self._per_run = per_run
        self._open: Counter[Hashable] = Counter()

    def reserve(self, caller: Caller, workspace_id: str, run_id: str) -> "StreamPlace":
        """Return the place of one more stream. Raises TooManyStreams."""
        run = ("run", workspace_id, run_id)
        owner = ("caller", caller.workspace.id, caller.actor_id, caller.address)
        if self._open[run] >= self._per_run or self._open[owner] >= self._per_caller:
            raise TooManyStreams
        self._open.update((run, owner))
        return StreamPlace(self._open, (run, owner))


class StreamPlace:
    """The place that one open stream takes."""

    def __init__(self, open_streams: Counter[Hashable], counted: tuple[Hashable, ...]) -> None:
        self._open = open_streams
        self._counted = counted

    def release(self) -> None:
        """Give the place back; a second call does nothing."""
        counted, self._counted = self._counted, ()
        for each in counted:
            self._open[each] -= 1
            if not self._open[each]:
                del self._open[each]


class LimitedRun:
    """Implements FollowedRun: `run`, which holds a place until it is hung up on."""

    def __init__(self, run: FollowedRun, place: StreamPlace) -> None:
        self._run = run
        self._place = place

    @property
    def run_id(self) -> str:
        """See FollowedRun."""
        return self._run.run_id

    async def take(self) -> Sequence[Numbered]:
        """See FollowedRun."""
        return await self._run.take()

    def cut_off(self, error: FlowportError) -> None:
        """See FollowedRun."""
        self._run.cut_off(error)

    def hang_up(self) -> None:
        """See FollowedRun."""
        self._place.release()
        self._run.hang_up()
