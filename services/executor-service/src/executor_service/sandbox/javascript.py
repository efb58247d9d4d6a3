"""JavaScript in jailed processes."""

import asyncio
import re
from collections.abc import Mapping
from typing import NamedTuple, Self

import msgspec

from executor_service.sandbox import explain, messages
from executor_service.sandbox.child import Child, ChildDied, NestedTooDeeply, ProtocolBroken
from executor_service.sandbox.conversation import Conversation
from executor_service.sandbox.fetching import Fetcher, no_fetch
from executor_service.sandbox.model import (
    Conditions,
    ErrorKind,
    PoolSize,
    SandboxLimits,
    Script,
    ScriptError,
    ScriptResult,
    Verdict,
)
from executor_service.sandbox.pool import Pool

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
# The most that one UTF-16 unit takes, as it is and as a JSON escape.
_UTF8_BYTES, _ESCAPED_BYTES = 3, 6
_FRAME_SLACK = 1 << 20
# A result must leave this many levels for what is put around it later, or writing it would fail then.
_SPARE_DEPTH = 300
_HARMLESS = {ErrorKind.THROWN, ErrorKind.SYNTAX}
_DEFAULT_LIMITS = SandboxLimits()
_DEFAULT_SIZE = PoolSize()


class JavaScriptSandbox:
    """Runs user code, each script in a process of its own that is killed after it.

    `async with JavaScriptSandbox(fetcher=…) as sandbox:` or `start` and `stop`. Cancelling a call kills its process.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher = no_fetch,
        limits: SandboxLimits = _DEFAULT_LIMITS,
        size: PoolSize = _DEFAULT_SIZE,
    ) -> None:
        self._fetcher = fetcher
        self._limits = limits
        most_bytes = _UTF8_BYTES * limits.max_result_chars + _ESCAPED_BYTES * limits.max_stdout_chars
        self._pool = Pool(size, limits, max_frame=most_bytes + _FRAME_SLACK)

    async def start(self) -> None:
        """Raises SandboxUnavailable when this host cannot confine user code."""
        await self._pool.start()

    async def stop(self) -> None:
        """End every script and process."""
        await self._pool.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def describe(self) -> tuple[str, ...]:
        """The layers in force that keep user code in, for readiness and the doctor."""
        return self._pool.layers

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. What its author did wrong is in the result; raises only SandboxBusy, SandboxUnavailable."""
        frame = messages.encode(
            messages.Run(
                code=script.code,
                bindings=_checked(script.bindings),
                params=script.params,
                environment=script.environment,
            )
        )
        if len(frame) > self._limits.max_input_bytes:
            return ScriptResult(error=explain.input_too_large(len(frame), self._limits))
        child = await self._pool.take()
        try:
            ending = await self._ending(child, frame, script.workspace_id, _Deadline.after(script.timeout_ms))
        finally:
            self._pool.discard(child)
        return self._result(ending, script.code)

    async def evaluate(self, conditions: Conditions) -> Verdict:
        """Find the first expression that is truthy. Raises SandboxBusy, SandboxUnavailable."""
        child = self._pool.unpark(conditions.scope)
        hardened = child is not None
        child = child or await self._pool.take()
        healthy = False
        try:
            verdict = await self._verdict(child, conditions, hardened=hardened)
            healthy = verdict.error is None or verdict.error.kind in _HARMLESS
        finally:
            if healthy:
                self._pool.park(conditions.scope, child)
            else:
                self._pool.discard(child)
        return verdict

    def forget(self, scope: str) -> None:
        """Let go of the context that the evaluations of this scope share: the run has ended."""
        self._pool.forget(scope)

    async def _verdict(self, child: Child, conditions: Conditions, *, hardened: bool) -> Verdict:
        deadline = _Deadline.after(conditions.timeout_ms)
        if not hardened:
            frame = messages.encode(messages.Harden(params={}, environment=conditions.environment))
            ending = await self._ending(child, frame, conditions.workspace_id, deadline)
            if isinstance(ending, ScriptError):
                return Verdict(failed=0, error=ending)
        bindings = msgspec.Raw(messages.encode(_checked(conditions.bindings)))
        for index, expression in enumerate(conditions.expressions):
            if not expression.strip():
                continue
            code = f"\nreturn Boolean(\n{expression}\n)"
            frame = messages.encode(messages.Run(code=code, bindings=bindings))
            if len(frame) > self._limits.max_input_bytes:
                return Verdict(failed=index, error=explain.input_too_large(len(frame), self._limits))
            outcome = self._result(await self._ending(child, frame, conditions.workspace_id, deadline), code)
            if outcome.error is not None:
                return Verdict(failed=index, error=explain.condition(outcome.error))
            if outcome.value() is True:
                return Verdict(matched=index)
        return Verdict()

    async def _ending(
        self, child: Child, frame: bytes, workspace_id: str, deadline: "_Deadline"
    ) -> messages.Ending | ScriptError:
        conversation = Conversation(child, self._fetcher, self._limits, workspace_id)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await conversation.run(frame)
        except TimeoutError:
            return explain.timed_out(deadline.allowed_ms)
        except NestedTooDeeply:
            return explain.too_deep()
        except ProtocolBroken:
            return explain.protocol_broken()
        except ChildDied as death:
            return explain.died(death.exit, self._limits)

    def _result(self, ending: messages.Ending | ScriptError, code: str) -> ScriptResult:
        if isinstance(ending, ScriptError):
            return ScriptResult(error=ending)
        if not isinstance(ending, messages.Returned):
            return ScriptResult(stdout=ending.stdout, error=explain.failure(ending, code, self._limits))
        if ending.result is not msgspec.UNSET and _is_too_deep(ending.result):
            return ScriptResult(stdout=ending.stdout, error=explain.too_deep())
        return ScriptResult(result=ending.result, stdout=ending.stdout)


class _Deadline(NamedTuple):
    at: float
    allowed_ms: int

    @classmethod
    def after(cls, allowed_ms: int) -> "_Deadline":
        return cls(asyncio.get_running_loop().time() + allowed_ms / 1000, allowed_ms)


def _checked(bindings: Mapping[str, object]) -> Mapping[str, object]:
    """Names become parameters of the user's function, so anything but an identifier would be code."""
    for name in bindings:
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"not an identifier: {name!r}")
    return bindings


def _is_too_deep(result: msgspec.Raw) -> bool:
    try:
        msgspec.json.decode(b"[" * _SPARE_DEPTH + bytes(result) + b"]" * _SPARE_DEPTH, type=msgspec.Raw)
    except RecursionError:
        return True
    return False
