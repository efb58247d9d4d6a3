"""The run ticket that the current task works with; calls between services carry it along, as they do a trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_presented: ContextVar[str] = ContextVar("run_ticket", default="")


def presented_ticket() -> str:
    """Return the ticket of the run that the current task works on; empty where it works on none."""
    return _presented.get()


@contextmanager
def presenting(ticket: str) -> Iterator[None]:
    """Present `ticket` with every internal call made inside the block."""
    before = _presented.set(ticket)
    try:
        yield
    finally:
        _presented.reset(before)
