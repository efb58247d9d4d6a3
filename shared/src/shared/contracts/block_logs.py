"""Block executions of a run, for logs and traces."""

from datetime import datetime
from typing import Any, Final

import msgspec

REDACTED: Final = "[REDACTED]"
"""Replacement for secrets in logs."""


class BlockLog(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One execution of one block. Stored with the run and shown in its trace."""

    block_id: str
    block_name: str
    block_type: str
    started_at: datetime
    ended_at: datetime
    duration_ms: float
    success: bool
    execution_order: int
    input: Any = None
    output: Any = None
    error: str | None = None
    error_handled: bool = False
    tries: int | None = None
    loop_id: str | None = None
    parallel_id: str | None = None
    iteration_index: int | None = None
    parent_iterations: tuple[dict[str, Any], ...] = ()
    child_spans: tuple[dict[str, Any], ...] = ()
