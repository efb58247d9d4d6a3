"""Python in jailed processes, under bubblewrap."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from executor_service.sandbox import messages
from executor_service.sandbox.base import Deadline, ScriptSandbox
from executor_service.sandbox.child import Child
from executor_service.sandbox.fetch import Fetcher, no_fetch
from executor_service.sandbox.model import PoolSize, SandboxLimits, SandboxUnavailable, Script, ScriptError
from executor_service.sandbox.zygote import JAIL, Zygote, zygote_command

_INTERPRETER_BYTES = 64 << 20
_CODE_BYTES = 64 << 20
"""Address space besides data: 18 MB of mapped code and files, up to 8 MB of stack, and a margin for other builds."""
_INSIDE = "/sandbox"
_SYSTEM_LIBRARIES = (
    "/lib64",
    "/usr/lib64",
    *(f"{root}/{sysconfig.get_config_var('MULTIARCH')}" for root in ("/lib", "/usr/lib")),
)
_SYSTEM_SETTINGS = "/proc/sys"
"""Container engines make it read-only: then bubblewrap cannot forbid further user namespaces there, and exits.

The system call filter, which applies to every script, forbids them as well.
"""
_DATA = ("/etc/ld.so.cache", "/usr/share/zoneinfo")
_DEFAULT_LIMITS = SandboxLimits()
_DEFAULT_SIZE = PoolSize(running=8, spare=1)


class PythonEngine:
    """This interpreter and its standard library, isolated in bubblewrap's namespaces."""

    language = "Python"

    def __init__(self, limits: SandboxLimits, bubblewrap: str) -> None:
        self._limits = limits
        self._bubblewrap = bubblewrap

    def command(self, control: int) -> Sequence[str]:
        bubblewrap = shutil.which(self._bubblewrap)
        if bubblewrap is None:
            raise SandboxUnavailable("bubblewrap (the program bwrap) is not installed")
        data_bytes = self._limits.heap_bytes + _INTERPRETER_BYTES
        options: dict[str, object] = {
            "data_bytes": data_bytes,
            "address_space_bytes": data_bytes + _CODE_BYTES,
            "cpu_seconds": self._limits.cpu_seconds,
            "max_result_chars": self._limits.max_result_chars,
            "max_stdout_chars": self._limits.max_stdout_chars,
            "max_fetches": self._limits.max_fetches,
        }
        interpreter = str(Path(sys.executable).resolve())
        return [
            bubblewrap, *_namespaces(), *_mounts(interpreter), "--remount-ro", "/", "--chdir", "/",
            "--", interpreter, *zygote_command("python", _INSIDE, control, options),
        ]  # fmt: skip


def _namespaces() -> list[str]:
    """Return the options: root stays outside a user namespace, to change its user permanently; others need one, to
    create the rest.

    The zygote keeps CAP_SYS_ADMIN, in its user namespace if there is one, to give each child a PID namespace.
    """
    common = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1"]
    common += ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    if os.geteuid() == 0:
        return [*common, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*common, "--unshare-user", *([] if _is_read_only(_SYSTEM_SETTINGS) else ["--disable-userns"])]


def _is_read_only(folder: str) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _mounts(interpreter: str) -> list[str]:
    binds = {
        path: path for path in (interpreter, *_standard_library(), *_SYSTEM_LIBRARIES, *_DATA) if Path(path).exists()
    }
    binds[str(JAIL)] = f"{_INSIDE}/jail"
    # Parent folders of a mount are accessible only to their owner, which is not the user that scripts run as.
    parents = sorted({str(parent) for inside in binds.values() for parent in Path(inside).parents} - {"/"})
    arguments = [part for parent in parents for part in ("--perms", "0755", "--dir", parent)]
    arguments += [part for outside, inside in binds.items() for part in ("--ro-bind", outside, inside)]
    packages = Path(sysconfig.get_path("stdlib")) / "site-packages"
    return [*arguments, *(("--tmpfs", str(packages)) if packages.is_dir() else ())]


def _standard_library() -> Iterator[str]:
    yield sysconfig.get_path("stdlib")
    library = Path(sysconfig.get_config_var("LIBDIR") or "") / (sysconfig.get_config_var("INSTSONAME") or "")
    if library.is_file() and library.suffix != ".a":
        yield str(library)


class Owner:
    """The warm process of one owner. It runs no user code: it forks a child for each script."""

    def __init__(self, root: Zygote, max_frame: int) -> None:
        """Fork the process. Raises OSError."""
        self._root = root
        self._max_frame = max_frame
        self._number, self._zygote = root.fork_zygote()

    @property
    def is_usable(self) -> bool:
        return self._root.alive and self._zygote.alive

    async def check(self) -> None:
        """Raise SandboxUnavailable unless a child of this process can be confined."""
        (await Child.spawn(self._zygote, self._max_frame)).kill()

    async def fork(self) -> Child:
        """Return a new child for one script. Raises SandboxUnavailable."""
        return await Child.fork(self._zygote, self._max_frame)

    def kill(self) -> None:
        """End the process and all its children, idempotently."""
        self._zygote.disconnect()
        self._root.kill(self._number)


class PythonSandbox(ScriptSandbox[Owner]):
    """Runs functions in Python. A top-level `return`, or else `__sim_result__`, is the result.

    There is no network: scripts can fetch only files.
    """

    def __init__(
        self,
        *,
        fetcher: Fetcher = no_fetch,
        limits: SandboxLimits = _DEFAULT_LIMITS,
        size: PoolSize = _DEFAULT_SIZE,
        bubblewrap: str = "bwrap",
    ) -> None:
        super().__init__(PythonEngine(limits, bubblewrap), fetcher=fetcher, limits=limits, size=size)

    async def _fork_process(self, zygote: Zygote) -> Owner:
        try:
            owner = Owner(zygote, self._max_frame)
        except OSError as error:
            raise SandboxUnavailable(f"The sandbox cannot start a process: {error}") from error
        try:
            await owner.check()
        except BaseException:
            owner.kill()
            raise
        return owner

    def _frame_of(self, script: Script, bindings: Mapping[str, msgspec.Raw]) -> bytes:
        return messages.encode(
            messages.Run(code=script.code, bindings=bindings, params=script.params, environment=script.environment)
        )

    async def _exchange(
        self, process: Owner, frame: bytes, workspace_id: str, deadline: Deadline
    ) -> messages.Ending | ScriptError:
        child = await process.fork()
        try:
            return await self._run_frame(child, frame, workspace_id, deadline)
        finally:
            child.kill()

    def _is_reusable(self, process: Owner, ending: messages.Ending | ScriptError) -> bool:
        """Return whether the process lives: no script can change it."""
        return process.is_usable
