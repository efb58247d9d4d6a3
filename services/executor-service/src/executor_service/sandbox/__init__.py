"""The sandbox for user code, which is taken to be hostile.

    async with JavaScriptSandbox(fetcher=guarded_fetch) as sandbox:
        result = await sandbox.run(Script(code="return params.n + 1", params={"n": 1}))
        result.value()                      # 2
        result.error                        # None, or a ScriptError that says what to tell the user
        verdict = await sandbox.evaluate(Conditions(scope=run_id, expressions=["n > 3", "true"], bindings={"n": 5}))
        verdict.matched                     # 0
        sandbox.forget(run_id)              # at the end of the run

User code never runs in the worker's process. A zygote process loads V8, gives up its rights and forks warm,
single-use children; each runs one script (or one run's conditions), behind a system call filter, and is then killed.
"""

from executor_service.sandbox.fetching import Fetcher, FetchFailed, FetchRequest, FetchResponse, no_fetch
from executor_service.sandbox.javascript import JavaScriptSandbox
from executor_service.sandbox.model import (
    Conditions,
    ErrorKind,
    PoolSize,
    SandboxBusy,
    SandboxLimits,
    SandboxUnavailable,
    Script,
    ScriptError,
    ScriptResult,
    Verdict,
)
from executor_service.sandbox.python import PythonSandbox

__all__ = [
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
    "Verdict",
    "no_fetch",
]
