"""Gate that lets few scripts compute at once, so that a few processes serve many short scripts."""

import asyncio
import os

from executor_service.sandbox.fair_queue import Line

_HELD_SECONDS = 0.02


class Gate:
    """Bound on scripts that have just started, in round-robin order of their workspaces.

    A process that served the last script a moment ago has its memory in the processor's caches, and two computing
    scripts share a processor anyway. A script leaves when it answers or fetches, or after 20 ms: it may wait for long.
    """

    def __init__(self, width: int = 2 * (os.cpu_count() or 1)) -> None:
        self._free = width
        self._line: Line[None] = Line(lambda *_: self._leave())

    async def enter(self, workspace: str) -> "Entry":
        """Wait for this workspace's turn."""
        if self._free:
            self._free -= 1
        else:
            await self._line.wait(workspace)
        return Entry(self)

    def _leave(self) -> None:
        if waiter := self._line.next():
            waiter.granted.set_result(None)
        else:
            self._free += 1


class Entry:
    """A script's time in the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate
        self._end = asyncio.get_running_loop().call_later(_HELD_SECONDS, self.leave)

    def leave(self) -> None:
        """Admit the next script; idempotent."""
        if self._gate:
            gate, self._gate = self._gate, None
            self._end.cancel()
            gate._leave()
