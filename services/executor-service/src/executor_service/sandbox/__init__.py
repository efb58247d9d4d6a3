"""The sandbox for user code, which is treated as hostile.

    async with JavaScriptSandbox(fetcher=guarded_fetch) as sandbox:
        result = await sandbox.run(Script(code="return params.n + 1", params={"n": 1}))
        result.value()                      # 2
        result.error                        # None, or a ScriptError that says what to tell the user
        verdict = await sandbox.evaluate(Conditions(expressions=["n > 3", "true"], bindings={"n": 5}))
        verdict.matched                     # 0

`PythonSandbox` has the same `run`. User code never runs in the worker's process. A zygote process drops its rights and
forks warm children, each in its own PID namespace. A JavaScript child becomes a Node process behind a system call
filter, which runs each script of one owner in a separate realm. A Python child is the warm process of one owner: it
runs no user code and forks a child for each script, which installs the filter first. The parent kills them. `jail` has
the code inside. The parent's modules are, from the inside out: `zygote`, `child` (one process), `session` (a script's
exchange with its parent), `pool` (who gets a process, who waits), and a sandbox for each language. `script_errors` has
the messages for users.
"""

from executor_service.sandbox.fetch import (
    FILE_SCHEME,
    Fetcher,
    FetchFailed,
    FetchRequest,
    FetchResponse,
    no_fetch,
)
from executor_service.sandbox.javascript import JavaScriptSandbox
from executor_service.sandbox.model import (
    ConditionResult,
    Conditions,
    ErrorKind,
    PoolSize,
    SandboxBusy,
    SandboxLimits,
    SandboxUnavailable,
    Script,
    ScriptError,
    ScriptResult,
)
from executor_service.sandbox.python import PythonSandbox

__all__ = [
    "FILE_SCHEME",
    "ConditionResult",
    "Conditions",
    "ErrorKind",
    "FetchFailed",
    "FetchRequest",
    "FetchResponse",
    "Fetcher",
    "JavaScriptSandbox",
    "PoolSize",
    "PythonSandbox",
    "SandboxBusy",
    "SandboxLimits",
    "SandboxUnavailable",
    "Script",
    "ScriptError",
    "ScriptResult",
    "no_fetch",
]
