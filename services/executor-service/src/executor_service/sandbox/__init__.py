"""The sandbox for user code, which is treated as hostile.

    async with JavaScriptSandbox(fetcher=guarded_fetch) as sandbox:
        result = await sandbox.run(Script(code="return params.n + 1", params={"n": 1}))
        result.value()                      # 2
        result.error                        # None, or a ScriptError that says what to tell the user
        verdict = await sandbox.evaluate(Conditions(scope=run_id, expressions=["n > 3", "true"], bindings={"n": 5}))
        verdict.matched                     # 0
        sandbox.release_scope(run_id)       # at the end of the run

`PythonSandbox` has the same `run`. User code never runs in the worker's process. A zygote process drops its rights and
forks warm children, each in its own PID namespace and behind a system call filter. The parent kills them. A JavaScript
child becomes a Node process that serves one owner: each script, and each run's conditions, in a separate realm; a
Python child runs one script. `jail` has the code inside. The parent's modules are, from the inside out:
`process_spawner` (the zygote), `child` (one process), `script_session` (a script's exchange with its parent),
`warm_pool` (processes that have run nothing yet), `pool` (their owners, within each workspace's `quota`),
`start_limiter` (how many start together), and a sandbox for each language. `script_errors` has the messages for users.
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
