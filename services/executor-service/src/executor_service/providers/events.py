"""Events of a streamed answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

LINE_ENDS: Final = (b"\n", b"\r")
DATA: Final = b"data:"
EVENTS_IN_A_ROW: Final = 16
"""Number of events after the first, and after each such batch, before other runs get a turn."""


async def event_batches(chunk: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Yield the events' data.

    Events that arrive together are split, so that other runs' first tokens are not delayed.
    """
    partial: list[bytes] = []
    limit = 1
    while chunk:
        lines = chunk.splitlines()
        rest = b"" if chunk.endswith(LINE_ENDS) else lines.pop()
        if lines:
            lines[0] = b"".join((*partial, lines[0]))
            partial.clear()
        partial.append(rest)
        batch = []
        for line in lines:
            if line and (data := _data(line)):
                batch.append(data)
                if len(batch) == limit:
                    yield batch
                    await asyncio.sleep(0)
                    batch, limit = [], EVENTS_IN_A_ROW
        if batch:
            yield batch
        chunk = await anext(chunks, b"")
    if data := _data(b"".join(partial)):
        yield [data]


def _data(line: bytes) -> bytes:
    return line[len(DATA) :].strip() if line.startswith(DATA) else b""
