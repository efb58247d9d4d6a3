"""W3C trace context, propagated through HTTP and the broker."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    """Return the running task's trace."""
    return _current.get()


def enter_trace(traceparent: str | None) -> str:
    """Join the caller's trace, or begin one if it is missing or malformed."""
    joined = traceparent if traceparent and is_traceparent(traceparent) else new_traceparent()
    _current.set(joined)
    return joined


@contextmanager
def using_traceparent(traceparent: str) -> Iterator[None]:
    """Use `traceparent` inside the block, then restore the previous trace."""
    before = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(before)


def is_traceparent(text: str | None) -> bool:
    """Return whether it is a well-formed version 00 trace context."""
    return text is not None and _TRACEPARENT.fullmatch(text) is not None


def new_traceparent() -> str:
    """Return a new, sampled trace."""
    random = os.urandom(24).hex()
    return f"00-{random[:32]}-{random[32:]}-01"


def trace_id(traceparent: str) -> str:
    """Return the trace id, 32 hex digits."""
    return traceparent[3:35]
