"""Base of the sandboxes of all languages: a pool of jailed processes, and the execution of scripts in them."""

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Self

import msgspec

from executor_service.metrics import SCRIPT_FAILURES, SCRIPT_SECONDS, SCRIPTS_REFUSED, SCRIPTS_WAITING
from executor_service.sandbox import messages, script_errors
from executor_service.sandbox.child import Child, ChildDied, NestedTooDeeply, ProtocolBroken, TooManyValues
from executor_service.sandbox.fetch import Fetcher
from executor_service.sandbox.model import (
    ErrorKind,
    PoolSize,
    SandboxBusy,
    SandboxLimits,
    Script,
    ScriptError,
    ScriptResult,
)
from executor_service.sandbox.pool import Pool
from executor_service.sandbox.process_spawner import Engine
from executor_service.sandbox.result_groups import ResultGroups
from executor_service.sandbox.script_session import ScriptSession
from executor_service.sandbox.start_limiter import StartLimiter, StartSlot
from executor_service.sandbox.warm_pool import WarmPool
from shared.observe.logging import get_logger
from shared.workflow.format.sizes import has_too_many_values, is_too_deep

log = get_logger("sandbox")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
# Maximum bytes of a UTF-16 code unit, plain and as a JSON escape.
_UTF8_BYTES, _ESCAPED_BYTES = 3, 6
_FRAME_SLACK = 1 << 20
_FINISH_SECONDS = 0.05
"""How long a canceled script may continue: most end in that time, and a new process takes 41 ms of CPU."""
_SCRIPT_ENDED = messages.Returned | messages.Thrown | messages.Unparsable | messages.Oversized


class ScriptSandbox:
    """Runs user code, each script in a fresh context, in a process that serves no other owner.

    `async with … as sandbox:` or `start` and `stop`. Canceling a call kills the process, unless the script
    ends shortly afterwards.
    """

    _serves_many: ClassVar[bool] = False

    def __init__(self, engine: Engine, *, fetcher: Fetcher, limits: SandboxLimits, size: PoolSize) -> None:
        self._fetcher = fetcher
        self._limits = limits
        self._max_scripts = size.scripts_per_process
        self._language = engine.language
        # Cached: with labels, a lookup costs as much as the count itself.
        self._seconds = SCRIPT_SECONDS.labels(engine.language)
        self._waiting = SCRIPTS_WAITING.labels(engine.language)
        max_bytes = _UTF8_BYTES * limits.max_result_chars + _ESCAPED_BYTES * limits.max_stdout_chars
        self._start_limiter = StartLimiter()
        self._result_groups = ResultGroups(self._start_limiter)
        self._finishing: set[asyncio.Task[None]] = set()
        self._pool = Pool(WarmPool(engine, size, max_frame=max_bytes + _FRAME_SLACK), size)

    async def start(self) -> None:
        """Start the pool. Raises SandboxUnavailable if this host cannot confine user code."""
        await self._pool.start()

    async def stop(self) -> None:
        """End every script and process."""
        await self._pool.stop()
        await asyncio.gather(*self._finishing)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def describe(self) -> tuple[str, ...]:
        """Return the active confinement layers, for readiness and the doctor."""
        return self._pool.layers

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. Errors of its code are in the result. Raises SandboxBusy, SandboxUnavailable."""
        with self._seconds.time():
            result = await self._run(script)
        if result.error is not None:
            SCRIPT_FAILURES.labels(self._language, result.error.kind.value).inc()
            if result.error.kind is ErrorKind.CRASHED:
                log.warning("script_process_crashed", language=self._language, reason=result.error.message)
        await self._result_groups.join(script.workspace_id)
        return result

    async def _run(self, script: Script) -> ScriptResult:
        bindings = encode_bindings(script.bindings, self._limits.max_input_bytes)
        if bindings is None:
            return ScriptResult(error=script_errors.input_too_large(self._limits))
        frame = self._frame_of(script, bindings)
        if len(frame) > self._limits.max_input_bytes:
            return ScriptResult(error=script_errors.input_too_large(self._limits))
        slot = await self._start_limiter.acquire(script.workspace_id)
        try:
            child = await self._take_process(script.owner, script.workspace_id)
        except BaseException:
            slot.release()
            raise
        checkout = _Checkout(script.owner, child, slot)
        deadline = Deadline.after(script.timeout_ms)
        try:
            ending = await self._run_frame(child, frame, script.workspace_id, deadline, slot)
        except BaseException:
            self._return_canceled(checkout)
            raise
        self._return_process(checkout, is_healthy=isinstance(ending, _SCRIPT_ENDED))
        return self._result(ending, script.shown or script.code)

    def _frame_of(self, script: Script, bindings: Mapping[str, msgspec.Raw]) -> bytes:
        return messages.encode(
            messages.Run(code=script.code, bindings=bindings, params=script.params, environment=script.environment)
        )

    def _return_process(self, checkout: "_Checkout", *, is_healthy: bool) -> None:
        checkout.slot.release()
        if is_healthy and self._serves_many and self._is_reusable(checkout.child):
            self._pool.keep_for_owner(checkout.owner, checkout.child)
        else:
            self._pool.discard(checkout.child)

    def _return_canceled(self, checkout: "_Checkout") -> None:
        """Return the process of a canceled script to the pool, after a short wait if the script may still end."""
        if not checkout.owner or not self._serves_many or checkout.child.is_synchronized:
            self._return_process(checkout, is_healthy=False)
            return
        task = asyncio.create_task(self._finish_canceled(checkout))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish_canceled(self, checkout: "_Checkout") -> None:
        answers: list[messages.Message] = []
        try:
            async with asyncio.timeout(_FINISH_SECONDS):
                answers = await checkout.child.receive()
        except (ChildDied, ProtocolBroken, TimeoutError):
            pass
        finally:
            self._return_process(checkout, is_healthy=len(answers) == 1 and isinstance(answers[0], _SCRIPT_ENDED))

    async def _take_process(self, owner: str, workspace_id: str) -> Child:
        with self._waiting.track_inprogress():
            try:
                return await self._pool.take(owner, workspace_id)
            except SandboxBusy:
                SCRIPTS_REFUSED.labels(self._language).inc()
                raise

    def release_scope(self, scope: str) -> None:
        """End the reservation of the processes that evaluated an ended run's expressions."""
        self._pool.release_scope(scope)

    def _is_reusable(self, child: Child) -> bool:
        """Return whether a process is healthy and far from its limits, which all its scripts share."""
        return child.is_synchronized and not child.needs_replacement and child.scripts < self._max_scripts

    async def _run_frame(
        self, child: Child, frame: bytes, workspace_id: str, deadline: "Deadline", slot: StartSlot | None = None
    ) -> messages.Ending | ScriptError:
        session = ScriptSession(child, self._fetcher, self._limits, workspace_id, slot)
        try:
            async with asyncio.timeout_at(deadline.at):
                return await session.run(frame)
        except TimeoutError:
            return script_errors.timed_out(deadline.allowed_ms)
        except NestedTooDeeply:
            return script_errors.too_deep()
        except TooManyValues:
            return script_errors.too_many_values()
        except ProtocolBroken:
            return script_errors.protocol_broken()
        except ChildDied as death:
            return script_errors.exit_error(death.exit, self._limits)
        finally:
            child.scripts += 1

    def _result(self, ending: messages.Ending | ScriptError, code: str) -> ScriptResult:
        if isinstance(ending, ScriptError):
            return ScriptResult(error=ending)
        if not isinstance(ending, messages.Returned):
            return ScriptResult(stdout=ending.stdout, error=script_errors.failure(ending, code, self._limits))
        if ending.result is not msgspec.UNSET:
            result = bytes(ending.result)
            if has_too_many_values(result):
                return ScriptResult(stdout=ending.stdout, error=script_errors.too_many_values())
            if is_too_deep(result):
                return ScriptResult(stdout=ending.stdout, error=script_errors.too_deep())
        return ScriptResult(result=ending.result, stdout=ending.stdout)


class _Checkout(NamedTuple):
    """A process taken from the pool for a script of `owner`, and the script's start slot."""

    owner: str
    child: Child
    slot: StartSlot


class Deadline(NamedTuple):
    """Deadline by the event loop's clock, and the time limit that it follows from."""

    at: float
    allowed_ms: int

    @classmethod
    def after(cls, allowed_ms: int) -> "Deadline":
        return cls(asyncio.get_running_loop().time() + allowed_ms / 1000, allowed_ms)


def encode_bindings(bindings: Mapping[str, object], limit: int) -> Mapping[str, msgspec.Raw] | None:
    """Return each variable as JSON; None if they exceed `limit` bytes.

    Encodes one variable at a time: several references into one value can together exceed any memory. Names become
    parameters of the user's function, so a name that is not an identifier could inject code. Raises ValueError for it.
    """
    parts: dict[str, msgspec.Raw] = {}
    for name, value in bindings.items():
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"not an identifier: {name!r}")
        part = messages.encode(value)
        limit -= len(part)
        if limit < 0:
            return None
        parts[name] = msgspec.Raw(part)
    return parts
