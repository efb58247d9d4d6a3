"""A line between the browser and the gateway that breaks when a test says so."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.faults.harness.line import Line


@contextmanager
def breakable_line(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Another address of the server at `url`, and what breaks off every connection to it.

    It lives in a thread of its own: this one has Playwright's loop.
    """
    loop, line = asyncio.new_event_loop(), Line([urlsplit(url).port or 80])
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def break_off() -> None:
        line.mend()

    asyncio.run_coroutine_threadsafe(line.__aenter__(), loop).result()
    try:
        yield f"http://127.0.0.1:{line.port}", lambda: asyncio.run_coroutine_threadsafe(break_off(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(line.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
