"""A proxy between the browser and the gateway whose connections a test can break."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.support.silent_proxy import Line


@contextmanager
def breakable_line(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield another address of the server at `url`, and a function that breaks every connection to it.

    It runs in a separate thread: this one has Playwright's loop.
    """
    loop, line = asyncio.new_event_loop(), Line([urlsplit(url).port or 80])
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def break_off() -> None:
        line.restore()

    asyncio.run_coroutine_threadsafe(line.__aenter__(), loop).result()
    try:
        yield f"http://127.0.0.1:{line.port}", lambda: asyncio.run_coroutine_threadsafe(break_off(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(line.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
