"""Callers that close the connection while their run goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.types import Message, Receive


class Followed(Protocol):
    """Something that a caller waits for."""

    def hang_up(self) -> None:
        """He does not wait any more."""
        ...


@asynccontextmanager
async def hanging_up(receive: Receive, run: Followed) -> AsyncIterator[None]:
    """While inside, a caller who closes the connection hangs up on `run`; so does leaving before its end."""
    watching = asyncio.get_running_loop().create_task(_watch(receive, run))
    try:
        yield
    finally:
        watching.cancel()
        run.hang_up()


async def never() -> Message:
    """Receives from a caller who does not hang up."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody ends this wait")


async def _watch(receive: Receive, run: Followed) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    run.hang_up()
