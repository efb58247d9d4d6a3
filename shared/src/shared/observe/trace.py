"""W3C trace context, carried through HTTP and the broker."""

import re
import secrets
from contextvars import ContextVar
from typing import Final

_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str | None:
    """The trace that the running task belongs to."""
    return _current.get()


def enter_trace(traceparent: str | None) -> str:
    """Join the caller's trace, or begin one where there is none (or one that is not well formed)."""
    joined = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else new_traceparent()
    _current.set(joined)
    return joined


def new_traceparent() -> str:
    """A trace of its own, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id(traceparent: str) -> str:
    """The 32 hex digits that name the whole trace."""
    return traceparent[3:35]
