"""Inputs and outputs of a sandbox."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from shared.errors import AtCapacity, Unavailable


class SandboxUnavailable(Unavailable):
    """This host cannot confine user code, or the sandbox is not running. Nothing ran."""


class SandboxBusy(AtCapacity):
    """No process became free in time. Nothing ran."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of user code.

    `code` is the body of an async function, its references already replaced by the identifiers in `bindings`. `shown`
    is the author's text for messages, with the same lines as `code`; empty if they are equal. Values are whatever
    msgspec can encode as JSON. `timeout_ms` counts from when a process is free for it. Scripts of one `owner` may run
    in one process in turn, each in a fresh context; a script without an owner has its own process. `workspace_id` is
    for fetches and the quota that all scripts of a workspace share.
    """

    code: str
    shown: str = ""
    bindings: Mapping[str, object] = {}
    params: Mapping[str, object] = {}
    environment: Mapping[str, str] = {}
    timeout_ms: int = 300_000
    workspace_id: str = ""
    owner: str = ""


class ErrorKind(StrEnum):
    """Reason for a missing result."""

    THROWN = "thrown"  # the user's code threw, or its result cannot be JSON
    SYNTAX = "syntax"  # the code does not parse
    TIMEOUT = "timeout"  # wall time
    CPU = "cpu"  # processor time
    MEMORY = "memory"
    OUTPUT = "output"  # the result is too large
    INPUT = "input"  # the code and its values are too large
    STALLED = "stalled"  # it awaits a promise that nothing can settle
    CRASHED = "crashed"  # its process died or broke the protocol


class ScriptError(msgspec.Struct, frozen=True, kw_only=True):
    """Error of a script. `message` is for the user, with the line and source text if known.

    `reason` is the thrown text alone.
    """

    kind: ErrorKind
    message: str
    reason: str
    line: int | None = None


class ScriptResult(msgspec.Struct, frozen=True, kw_only=True):
    """`result` is JSON text, or UNSET if the code returned nothing that JSON can hold."""

    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    stdout: str = ""
    error: ScriptError | None = None

    def value(self) -> Any:
        """Return the result as Python objects; None without a result."""
        return None if self.result is msgspec.UNSET else msgspec.json.decode(self.result)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Expressions to try in order until one is truthy. An empty expression is false.

    Each runs in a fresh context, in a process of the `owner`. `shown` has the author's text of each expression, for
    messages; empty if it is the same. `timeout_ms` is for each of them.
    """

    expressions: Sequence[str]
    shown: Sequence[str] = ()
    bindings: Mapping[str, object] = {}
    environment: Mapping[str, str] = {}
    timeout_ms: int = 5_000
    workspace_id: str = ""
    owner: str = ""


class ConditionResult(msgspec.Struct, frozen=True, kw_only=True):
    """`matched` is the index of the first truthy expression, `failed` of the one that ended in `error`.

    A condition's error message has no line, unless the expression does not parse.
    """

    matched: int | None = None
    failed: int | None = None
    error: ScriptError | None = None


class SandboxLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one script. Text sizes are in characters, or bytes where the name says so."""

    heap_bytes: int = 128 << 20
    cpu_seconds: int = 30
    max_input_bytes: int = 32 << 20
    max_result_chars: int = 10 << 20
    max_stdout_chars: int = 200_000
    max_fetches: int = 100
    concurrent_fetches: int = 10
    fetch_timeout_seconds: float = 60.0

    @property
    def earlier_seconds(self) -> float:
        """Return the additional processor time for a process's earlier scripts."""
        return self.cpu_seconds / 10


class PoolSize(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of active, ready and starting processes, idle time, and waiting time of scripts.

    A process is replaced after `scripts_per_process`. `workspace_percent` limits one workspace's share of active
    processes and of waiting scripts.
    """

    running: int = 16
    workspace_percent: int = 75
    spare: int = 6
    warming: int = 2
    waiting: int = 256
    wait_seconds: float = 30.0
    kept_seconds: float = 60.0
    scripts_per_process: int = 2000
