"""Callers that close the connection while their run goes on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.types import Message, Receive, Scope

from gateway.runs.application.stream_access import Standing, Watched
from shared.web.disconnects import offered


class Followed(Watched, Protocol):
    """Something that a caller waits for."""

    def hang_up(self) -> None:
        """He does not wait any more."""
        ...


@contextmanager
def hanging_up(scope: Scope, receive: Receive, run: Followed, standing: Standing) -> Iterator[None]:
    """While inside, a caller who closes the connection hangs up on `run`; so does leaving before its end.

    A caller that loses its `standing` is cut off.
    """
    look_away, stop_watching = _watch(scope, receive, run), standing.watch(run)
    try:
        yield
    finally:
        look_away()
        stop_watching()
        run.hang_up()


async def never() -> Message:
    """Receives from a caller who does not hang up."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody ends this wait")


def _watch(scope: Scope, receive: Receive, run: Followed) -> Callable[[], object]:
    if receive is never:
        return _nothing
    if (listen := offered(scope)) is not None:
        return listen(run.hang_up)
    return asyncio.get_running_loop().create_task(_wait(receive, run)).cancel


def _nothing() -> None:
    """Nobody was watched."""


async def _wait(receive: Receive, run: Followed) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    run.hang_up()
