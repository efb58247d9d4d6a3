"""Event streams: their number per run and caller, and the access of their readers."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Message, Receive, Scope

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller
from gateway.access.models import AccessEnded
from gateway.runs.attached import AttachedCall
from gateway.runs.followed import RunReader
from gateway.workflows.endpoints import Endpoints
from shared.contracts.messages import ControlMessage, KeyRevoked, LiveVersionChanged
from shared.errors import FlowportError, Unauthenticated, Unavailable
from shared.observe.logging import get_logger
from shared.on_exit import OnExit
from shared.tasks import cancel_task
from shared.web.disconnects import subscribe_function

CHECK_SECONDS: Final = 0.5
"""With a lease of one second, access that was lost without a broadcast ends within a second."""


StreamedRun = AttachedCall | RunReader
"""Run that a caller reads or waits for."""
Check = Callable[[], Awaitable[object]]
"""Raises what would refuse the caller a new call, and Unavailable where that cannot be verified."""


log = get_logger("stream_access")


@dataclass(slots=True, eq=False)
class _Group:
    """Runs with the same access, which one check verifies."""

    check: Check
    runs: set[StreamedRun] = field(default_factory=set)
    is_checked: bool = False
    """Whether a check is in progress."""


@dataclass(frozen=True, slots=True)
class CallerAccess:
    """Access of a caller. Values with an equal `subject` have the same `check`."""

    access: "StreamAccess"
    subject: Hashable
    check: Check

    def watch(self, run: StreamedRun) -> Callable[[], None]:
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

    def watch(self, subject: Hashable, check: Check, run: StreamedRun) -> Callable[[], None]:
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


def disconnecting(scope: Scope, receive: Receive, run: StreamedRun, caller_access: CallerAccess) -> OnExit:
    """Hang up on `run` when the caller disconnects or the block exits.

    A caller that loses its `caller_access` is cut off.
    """
    stop_listening, stop_watching = _watch(scope, receive, run), caller_access.watch(run)

    def end() -> None:
        stop_listening()
        stop_watching()
        run.disconnect()

    return OnExit(end)


async def never() -> Message:
    """Receive from a caller that never disconnects."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("this wait never ends")


def _watch(scope: Scope, receive: Receive, run: StreamedRun) -> Callable[[], object]:
    if receive is never:
        return _ignore
    if (listen := subscribe_function(scope)) is not None:
        return listen(run.disconnect)
    return asyncio.get_running_loop().create_task(_wait(receive, run)).cancel


def _ignore() -> None:
    """Do nothing: the caller is not watched."""


async def _wait(receive: Receive, run: StreamedRun) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    run.disconnect()
