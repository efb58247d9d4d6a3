"""Run ticket of the current task, propagated with calls between services like a trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_presented: ContextVar[str] = ContextVar("run_ticket", default="")


def current_ticket() -> str:
    """Return the ticket of the current task's run; empty without one."""
    return _presented.get()


@contextmanager
def using_ticket(ticket: str) -> Iterator[None]:
    """Present `ticket` with every internal call made inside the block."""
    before = _presented.set(ticket)
    try:
        yield
    finally:
        _presented.reset(before)
