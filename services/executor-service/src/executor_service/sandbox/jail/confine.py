"""Confinement of a process: namespaces and root before it has user code, limits when it is warm.

The zygote calls `enter_namespaces` or `lock_down` once; `fork_in_own_namespace`, `detach_from_parent` and `limit` are
for each child. The returned list omits layers that the host does not grant; a missing required layer raises OSError.
"""

import itertools
import os
import resource
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from . import linux

_NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
    | linux.CLONE_NEWPID
)
_NOBODY = 65534
_STACK_BYTES = 8 << 20
OWN_ROOT = "read-only root directory with the engine and nothing else"
"""Confinement layer that requires namespaces."""
_ROOT = "/tmp"  # noqa: S108 - mounted only in the new mount namespace
OWN_PROCESSES = "process namespace for each child"


class NotConfined(OSError):
    """The host does not grant a required layer."""


def enter_namespaces(files: Iterable[str], *, needs_namespaces: bool) -> list[str]:
    """Confine this process permanently and return the active layers. Its process id may change.

    `files` are the only contents of its root directory, each at its current path.
    """
    _raise_oom_score()
    layers: list[str] = []
    if namespaces := _new_namespaces():
        layers.append(namespaces)
        layers += [OWN_ROOT] * _try_step(lambda: _enter_root_of(files))
    if needs_namespaces and OWN_ROOT not in layers:
        raise NotConfined(
            "this host does not allow namespaces with a separate root directory. Allow user namespaces and mounts in"
            " them. To run only your own code, set FLOWPORT_SANDBOX_NEEDS_NAMESPACES=false instead."
        )
    return layers + lock_down(isolates_children=namespaces is not None)


def continue_in_process_namespace() -> None:
    """Continue as the first process of a PID namespace that this process may divide further. Raises OSError."""
    linux.unshare(linux.CLONE_NEWPID)
    _continue_as_first_process()


def lock_down(*, isolates_children: bool) -> list[str]:
    """Drop all rights, in the current namespaces; return the active layers.

    A zygote that isolates its children keeps one capability, to fork each child into a new PID namespace. Raises
    NotConfined if it cannot.
    """
    rights = _drop_rights(keep_namespaces=isolates_children)
    linux.no_new_privileges()
    linux.hide_memory()
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    layers = [rights, "no new privileges", "resource limits", "system call filter"]
    if isolates_children:
        _check_namespace_fork()
        layers.append(OWN_PROCESSES)
    return layers


def fork_in_own_namespace(home: int) -> int:
    """Fork a child into a new PID namespace. `home` is a pidfd of this process. Raises OSError."""
    linux.unshare(linux.CLONE_NEWPID)
    try:
        pid = os.fork()
    except OSError:
        _return_to_namespace(home)
        raise
    if pid:
        _return_to_namespace(home)
    return pid


def detach_from_parent(*, keep: Iterable[int]) -> None:
    """Move a fresh child to its own process group with these descriptors and no rights; it dies with the zygote."""
    linux.drop_capabilities()
    linux.die_with_parent(signal.SIGKILL)
    os.setsid()
    kept = [-1, *sorted(keep), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]
    for before, after in itertools.pairwise(kept):
        if before + 1 < after:  # an empty range would mean all
            os.closerange(before + 1, after)


def limit_process(process: int, *, data: int, address_space: int, cpu_seconds: int) -> None:
    """Limit a warm process that has not limited itself, and prevent further files and threads.

    `data` and `address_space` are in bytes, as in `limit`. At the limit of processor time the kernel sends SIGKILL.
    """
    bounds = {
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_CPU: cpu_seconds,
    }
    for kind, most in bounds.items():
        resource.prlimit(process, kind, (most, most))


def limit_stack() -> None:
    """Limit this process's stack, and that of the program that it executes."""
    if resource.getrlimit(resource.RLIMIT_STACK)[1] not in range(_STACK_BYTES):  # unlimited is -1
        resource.setrlimit(resource.RLIMIT_STACK, (_STACK_BYTES, _STACK_BYTES))


def limit(*, data: int, cpu_seconds: int, address_space: int = resource.RLIM_INFINITY, files: int = 0) -> None:
    """Limit a warm child's data and address space, in bytes, and its open files; it can start no process or thread.

    Data is private writable memory except the stack. Address space also bounds what RLIMIT_DATA does not count, and
    page tables of memory that is only read.
    """
    linux.exit_on(signal.SIGXCPU)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    limit_stack()
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def _new_namespaces() -> str | None:
    if _try_step(lambda: linux.unshare(_NAMESPACES)):
        _continue_as_first_process()
        return "network, process, IPC and host name namespaces"
    user, group = os.getuid(), os.getgid()
    if _try_step(lambda: linux.unshare(linux.CLONE_NEWUSER | _NAMESPACES)):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _continue_as_first_process()
        return "user, network, process, IPC and host name namespaces"
    return None


def _continue_as_first_process() -> None:
    """A process namespace begins with the next fork; this process stays outside only to wait."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _enter_root_of(files: Iterable[str]) -> None:
    """Make a read-only file system of only these files the root."""
    linux.make_mounts_private()
    # Opened first: the mount below hides those in its folder.
    sources = {file: os.open(file, os.O_PATH | os.O_CLOEXEC) for file in files}
    linux.mount_memory(_ROOT)
    os.umask(0o022)
    for file, source in sources.items():
        target = Path(_ROOT + file)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
        linux.bind_read_only(f"/proc/self/fd/{source}", str(target))
        os.close(source)
    linux.make_read_only(_ROOT)
    os.chdir(_ROOT)
    os.chroot(".")


def _check_namespace_fork() -> None:
    """Fail at the start, not with the first script, if the host grants no further PID namespaces."""
    home = os.pidfd_open(os.getpid())
    try:
        pid = fork_in_own_namespace(home)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    except (OSError, RuntimeError) as error:
        raise NotConfined(f"this host does not allow a PID namespace for each script: {error}") from error
    finally:
        os.close(home)


def _return_to_namespace(home: int) -> None:
    """Fork later children into the namespace of this process again. A failure is fatal: the next child would join the
    namespace of the last one."""
    try:
        linux.enter_process_namespace(home)
    except OSError as error:
        raise RuntimeError(f"cannot leave the PID namespace: {error}") from error


def _drop_rights(*, keep_namespaces: bool) -> str:
    if keep_namespaces:
        linux.keep_capabilities_as_another_user()
    is_other = os.geteuid() != 0 or (_try_step(lambda: os.setgroups([])) and _try_step(_become_nobody))
    linux.drop_capabilities(keep_namespaces=keep_namespaces)
    return "unprivileged user without capabilities" if is_other else "no capabilities"


def _become_nobody() -> None:
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _raise_oom_score() -> None:
    """Let the kernel kill scripts before the worker when memory runs out."""
    _try_step(lambda: Path("/proc/self/oom_score_adj").write_text("1000"))


def _try_step(step: Callable[[], object]) -> bool:
    try:
        step()
    except OSError:
        return False
    return True
