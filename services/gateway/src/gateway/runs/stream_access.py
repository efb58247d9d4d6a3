"""Event streams: their number per run and caller, and the access of their readers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.access.authentication import Authentication
from gateway.access.domain.credentials import Caller
from gateway.access.errors import AccessEnded, TooManyStreams
from gateway.runs.ports import AttachedRun, FollowedRun
from gateway.workflows.endpoints import Endpoints
from shared.contracts.messages import ControlMessage, KeyRevoked, LiveVersionChanged
from shared.errors import FlowportError, Unauthenticated, Unavailable
from shared.observe.logging import get_logger
from shared.tasks import cancel_task


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


CHECK_SECONDS: Final = 0.5
"""With a lease of one second, access that was lost without a broadcast ends within a second."""

Check = Callable[[], Awaitable[object]]
"""Raises what would refuse the caller a new call, and Unavailable where that cannot be verified."""

log = get_logger("stream_access")


class Watched(Protocol):
    """Run that a caller reads or waits for."""

    def end_with(self, error: FlowportError) -> None:
        """Deliver only this error to the caller from now on."""


@dataclass(slots=True, eq=False)
class _Group:
    """Runs with the same access, which one check verifies."""

    check: Check
    runs: set[Watched] = field(default_factory=set)
    is_checked: bool = False
    """Whether a check is in progress."""


@dataclass(frozen=True, slots=True)
class CallerAccess:
    """Access of a caller. Values with an equal `subject` have the same `check`."""

    access: "StreamAccess"
    subject: Hashable
    check: Check

    def watch(self, run: Watched) -> Callable[[], None]:
        """Cut the run off when the access ends; return a function that stops watching."""
        return self.access.watch(self.subject, self.check, run)


class StreamAccess:
    """Verifier of open streams' access: twice a second, and when a key, session or access mode changes.

    While the store of keys is unavailable, open streams continue.
    """

    def __init__(self, authentication: Authentication, endpoints: Endpoints) -> None:
        self._authentication = authentication
        self._endpoints = endpoints
        self._groups: dict[Hashable, _Group] = {}
        self._changed = asyncio.Event()
        self._checks: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start verifying."""
        self._task = asyncio.create_task(self._verify_for_ever())

    async def stop(self) -> None:
        await cancel_task(self._task)
        for check in list(self._checks):
            await cancel_task(check)

    def of(self, caller: Caller, workflow_id: str) -> CallerAccess:
        """Return the access of this caller to the workflow."""
        credential = caller.key.key_hash if caller.key else caller.session_id

        async def check() -> None:
            if caller.is_public:
                await self._require_public(workflow_id)
            else:
                await self._authentication.recheck(caller, workflow_id)

        return CallerAccess(self, (credential, caller.workspace.id, workflow_id), check)

    def by(self, subject: Hashable, check: Check) -> CallerAccess:
        """Return an access that another rule than the caller's own decides."""
        return CallerAccess(self, subject, check)

    def watch(self, subject: Hashable, check: Check, run: Watched) -> Callable[[], None]:
        """See CallerAccess.watch."""
        group = self._groups.get(subject)
        if group is None:
            group = self._groups[subject] = _Group(check)
        group.runs.add(run)

        def leave() -> None:
            group.runs.discard(run)
            if not group.runs and self._groups.get(subject) is group:
                del self._groups[subject]

        return leave

    def on_control(self, message: ControlMessage) -> None:
        """Verify what the message may have changed. Must run after the caches' handlers."""
        if isinstance(message, KeyRevoked | LiveVersionChanged):
            self._changed.set()

    async def _verify_for_ever(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), CHECK_SECONDS)
            self._changed.clear()
            for group in self._groups.values():
                if not group.is_checked:
                    group.is_checked = True
                    task = asyncio.create_task(self._verify(group))
                    self._checks.add(task)
                    task.add_done_callback(self._checks.discard)

    async def _verify(self, group: _Group) -> None:
        try:
            await group.check()
        except Unavailable as error:
            log.warning("stream_access_not_verified", error=error.message)
        except FlowportError as error:
            log.info("stream_access_ended", streams=len(group.runs), reason=error.code)
            for run in list(group.runs):
                run.end_with(AccessEnded())
        except Exception:
            log.exception("stream_access_check_failed")
        finally:
            group.is_checked = False

    async def _require_public(self, workflow_id: str) -> None:
        endpoint = await self._endpoints.find(workflow_id)
        if endpoint is None or not endpoint.is_public:
            raise Unauthenticated("Unauthorized")
