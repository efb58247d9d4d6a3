"""What goes into a sandbox and what comes out of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from shared.errors import AtCapacity, Unavailable


class SandboxUnavailable(Unavailable):
    """This host cannot confine user code, or the sandbox is not running. Nothing was run."""


class SandboxBusy(AtCapacity):
    """No process became free in time. Nothing was run."""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of user code.

    `code` is the body of an async function, its references already replaced by the identifiers in `bindings`. `shown`
    is the author's text for messages, line by line what `code` is; empty where they are the same.
    Values are whatever msgspec can write as JSON. `timeout_ms` counts from the moment a process is free for it.
    Scripts of one `owner` may follow each other in one process, each in a fresh context; a script without one has a
    process of its own. `workspace_id` is for what it fetches, and for the quota that all scripts of a workspace share.
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
    """Why a script has no result."""

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
    """Why it failed. `message` is for the user, with the line and source text where they are known.

    `reason` is the bare text of what was thrown, without them.
    """

    kind: ErrorKind
    message: str
    reason: str
    line: int | None = None


class ScriptResult(msgspec.Struct, frozen=True, kw_only=True):
    """`result` is JSON text, or UNSET when the code returned nothing that JSON can hold."""

    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    stdout: str = ""
    error: ScriptError | None = None

    def value(self) -> Any:
        """The result as Python objects; None when there is none."""
        return None if self.result is msgspec.UNSET else msgspec.json.decode(self.result)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Expressions to try in order until one is truthy. An empty expression is false.

    Evaluations of one `owner` with the same `scope` (a run) share one context, in which nothing that they do remains;
    `environment` is taken from the first of them. `shown` has the author's text of each expression, for messages; empty
    where that is what runs.
    """

    scope: str
    expressions: Sequence[str]
    shown: Sequence[str] = ()
    bindings: Mapping[str, object] = {}
    environment: Mapping[str, str] = {}
    timeout_ms: int = 5_000
    workspace_id: str = ""
    owner: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`matched` is the index of the first truthy expression, `failed` that of the one that ended in `error`.

    The message of a condition's error has no line, except where the expression does not parse.
    """

    matched: int | None = None
    failed: int | None = None
    error: ScriptError | None = None


class SandboxLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one script. Sizes of text are in characters, or bytes where the name says so."""

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
        """Processor time that a process may have used for earlier scripts: it has that on top."""
        return self.cpu_seconds / 10


class PoolSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many processes at work, ready and being made ready, and how long one is kept and a script waits for one.

    A process is replaced after `scripts_per_process`.
    `workspace_percent` of the processes at work, and of those who wait, is the most that one workspace has.
    """

    running: int = 16
    workspace_percent: int = 75
    spare: int = 6
    warming: int = 2
    waiting: int = 256
    wait_seconds: float = 30.0
    kept_seconds: float = 60.0
    scripts_per_process: int = 2000
