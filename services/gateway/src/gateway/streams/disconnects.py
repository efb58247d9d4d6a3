"""Detection of callers that disconnect during a run."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from starlette.types import Message, Receive, Scope

from gateway.runs.stream_access import CallerAccess, Watched
from shared.on_exit import OnExit
from shared.web.disconnects import subscribe_function


class Followed(Watched, Protocol):
    """Run that a caller waits for."""

    def disconnect(self) -> None:
        """Stop waiting."""


def disconnecting(scope: Scope, receive: Receive, run: Followed, caller_access: CallerAccess) -> OnExit:
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


def _watch(scope: Scope, receive: Receive, run: Followed) -> Callable[[], object]:
    if receive is never:
        return _ignore
    if (listen := subscribe_function(scope)) is not None:
        return listen(run.disconnect)
    return asyncio.get_running_loop().create_task(_wait(receive, run)).cancel


def _ignore() -> None:
    """Do nothing: the caller is not watched."""


async def _wait(receive: Receive, run: Followed) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    run.disconnect()
