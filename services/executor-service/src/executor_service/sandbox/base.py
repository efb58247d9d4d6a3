"""What the sandboxes of all languages share: a pool of jailed processes, and the execution of scripts in them."""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Generic, NamedTuple, Self, TypeVar

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
    SandboxUnavailable,
    Script,
    ScriptError,
    ScriptResult,
)
from executor_service.sandbox.pool import NOT_RUNNING, Pool, Process
from executor_service.sandbox.session import ScriptSession
from executor_service.sandbox.zygote import Engine, Zygote
from shared.observe.logging import get_logger
from shared.workflow.format.sizes import has_too_many_values, is_too_deep

log = get_logger("sandbox")
P = TypeVar("P", bound=Process)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
# Maximum bytes of a UTF-16 code unit, plain and as a JSON escape.
_UTF8_BYTES, _ESCAPED_BYTES = 3, 6
_FRAME_SLACK: Final = 1 << 20


class ScriptSandbox(ABC, Generic[P]):
    """Runs user code, each script in a fresh context, in a process that serves no other owner.

    `async with … as sandbox:` or `start` and `stop`. Canceling a call ends its script.
    """

    def __init__(self, engine: Engine, *, fetcher: Fetcher, limits: SandboxLimits, size: PoolSize) -> None:
        self._engine = engine
        self._fetcher = fetcher
        self._limits = limits
        # Cached: with labels, a lookup costs as much as the count itself.
        self._seconds = SCRIPT_SECONDS.labels(engine.language)
        self._waiting = SCRIPTS_WAITING.labels(engine.language)
        self._max_frame = (
            _UTF8_BYTES * limits.max_result_chars + _ESCAPED_BYTES * limits.max_stdout_chars + _FRAME_SLACK
        )
        self._zygote: Zygote | None = None
        self._zygote_starting = asyncio.Lock()
        self._is_started = False
        self._pool: Pool[P] = Pool(self._spawn, size)

    async def start(self) -> None:
        """Start the first process. Raises SandboxUnavailable if this host cannot confine user code."""
        self._is_started = True
        try:
            await self._pool.start()
        except SandboxUnavailable:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every script and process."""
        self._is_started = False
        await self._pool.stop()
        if self._zygote is not None:
            await self._zygote.stop()
            self._zygote = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def describe(self) -> tuple[str, ...]:
        """Return the active confinement layers, for readiness and the doctor."""
        return self._zygote.layers if self._zygote else ()

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. Errors of its code are in the result. Raises SandboxBusy, SandboxUnavailable."""
        with self._seconds.time():
            result = await self._run(script)
        if result.error is not None:
            self._count_failure(result.error)
        return result

    async def _run(self, script: Script) -> ScriptResult:
        bindings = encode_bindings(script.bindings, self._limits.max_input_bytes)
        frame = None if bindings is None else self._frame_of(script, bindings)
        if frame is None or len(frame) > self._limits.max_input_bytes:
            return ScriptResult(error=script_errors.input_too_large(self._limits))
        process = await self._take_process(script.owner, script.workspace_id)
        is_healthy = False
        try:
            ending = await self._exchange(process, frame, script.workspace_id, Deadline.after(script.timeout_ms))
            is_healthy = self._is_reusable(process, ending)
        finally:
            self._return_process(process, script.owner, script.workspace_id, is_healthy=is_healthy)
        return self._result(ending, script.shown or script.code)

    @abstractmethod
    async def _fork_process(self, zygote: Zygote) -> P:
        """Fork a process for an owner. Raises SandboxUnavailable."""

    @abstractmethod
    def _frame_of(self, script: Script, bindings: Mapping[str, msgspec.Raw]) -> bytes:
        """Return the frame that runs this script."""

    @abstractmethod
    async def _exchange(
        self, process: P, frame: bytes, workspace_id: str, deadline: "Deadline"
    ) -> messages.Ending | ScriptError:
        """Run a frame in this process, until the deadline."""

    @abstractmethod
    def _is_reusable(self, process: P, ending: messages.Ending | ScriptError) -> bool:
        """Return whether the process can run its owner's next script, after a script that ended so."""

    async def _take_process(self, owner: str, workspace_id: str) -> P:
        with self._waiting.track_inprogress():
            try:
                return await self._pool.take(owner, workspace_id)
            except SandboxBusy:
                SCRIPTS_REFUSED.labels(self._engine.language).inc()
                raise

    def _return_process(self, process: P, owner: str, workspace_id: str, *, is_healthy: bool) -> None:
        if is_healthy:
            self._pool.keep(process, owner, workspace_id)
        else:
            self._pool.discard(process, workspace_id)

    async def _run_frame(
        self, child: Child, frame: bytes, workspace_id: str, deadline: "Deadline"
    ) -> messages.Ending | ScriptError:
        session = ScriptSession(child, self._fetcher, self._limits, workspace_id)
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

    def _count_failure(self, error: ScriptError) -> None:
        SCRIPT_FAILURES.labels(self._engine.language, error.kind.value).inc()
        if error.kind is ErrorKind.CRASHED:
            log.warning("script_process_crashed", language=self._engine.language, reason=error.message)

    async def _spawn(self) -> P:
        zygote = await self._ensure_zygote()
        try:
            return await self._fork_process(zygote)
        except SandboxUnavailable:
            # A process that ends with its zygote says nothing about those of the next zygote.
            if zygote.alive:
                raise
        return await self._fork_process(await self._ensure_zygote())

    async def _ensure_zygote(self) -> Zygote:
        async with self._zygote_starting:
            if not self._is_started:
                raise SandboxUnavailable(NOT_RUNNING)
            if self._zygote is None or not self._zygote.alive:
                if self._zygote:
                    await self._zygote.stop()
                self._zygote = await Zygote.start(self._engine)
            return self._zygote


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
