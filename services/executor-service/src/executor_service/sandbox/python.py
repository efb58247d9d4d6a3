"""Python in jailed processes, under bubblewrap."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from executor_service.sandbox.base import ScriptSandbox
from executor_service.sandbox.fetch import Fetcher, no_fetch
from executor_service.sandbox.model import PoolSize, SandboxLimits, SandboxUnavailable
from executor_service.sandbox.process_spawner import JAIL, zygote_command

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


class PythonSandbox(ScriptSandbox):
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
