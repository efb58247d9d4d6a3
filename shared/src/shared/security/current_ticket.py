"""Run ticket of the current task, propagated with calls between services like a trace."""

from contextvars import ContextVar
from functools import partial

from shared.on_exit import OnExit

_presented: ContextVar[str] = ContextVar("run_ticket", default="")


def current_ticket() -> str:
    """Return the ticket of the current task's run; empty without one."""
    return _presented.get()


def using_ticket(ticket: str) -> OnExit:
    """Present `ticket` with every internal call made inside the block."""
    return OnExit(partial(_presented.reset, _presented.set(ticket)))
