"""System call filters, as classic BPF programs for the kernel's seccomp.

A filter is a list of allowed calls; any other fails with EPERM. A call may carry conditions on its arguments: bits that
must be absent or present, or the values that are allowed. Programs are built for the machine's own architecture, and
calls made through another ABI are refused.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from typing import NamedTuple

from . import linux

PROT_EXEC = 0x4
MAP_PRIVATE = 0x2
MAP_ANONYMOUS = 0x20
# With MAP_FIXED, MAP_NORESERVE, MAP_STACK and MAP_FIXED_NOREPLACE. Not MAP_GROWSDOWN, which RLIMIT_DATA does not count.
OTHER_MAP_FLAGS = 0xFFFF_FFFF & ~(MAP_PRIVATE | MAP_ANONYMOUS | 0x10 | 0x4000 | 0x2_0000 | 0x10_0000)
# Not MREMAP_FIXED or MREMAP_DONTUNMAP.
REMAP_FLAGS = (0, 1)
# NORMAL, DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, GUARD_INSTALL, GUARD_REMOVE. Not MERGEABLE, which
# shares pages between processes.
ADVICE = (0, 4, 8, 14, 15, 16, 17, 102, 103)
# WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET, and WAIT_BITSET by the wall clock, all with
# FUTEX_PRIVATE_FLAG. Without that flag, processes that map the same file, such as libc, can wake each other.
PRIVATE_FUTEX = (128, 129, 131, 132, 133, 137, 138, 0x189)
# To write, create, truncate, append, or make a nameless file.
OPEN_TO_CHANGE = 0x3 | 0x40 | 0x200 | 0x400 | 0x40_0000
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC: they concern this process's own descriptors. Other commands send
# signals to any process of the user (F_SETOWN with O_ASYNC, leases, directory notices) or lock files that all share.
OWN_DESCRIPTORS = (0, 1, 2, 3, 1030)

# Descriptor on which a child hands its listener to the zygote. Its limit of open files makes it unusable afterwards.
LISTENER_SOCKET = 63


class Bits(NamedTuple):
    """A condition on an argument: these bits must all be clear, or (`required`) all be set."""

    argument: int
    mask: int
    required: bool = False


class OneOf(NamedTuple):
    """A condition on an argument of 32 bits: it must have one of these values."""

    argument: int
    values: tuple[int, ...]


class Machine(NamedTuple):
    audit_arch: int
    seccomp: int
    numbers: Mapping[str, int]


_X86_64 = Machine(
    0xC000_003E,
    317,
    {
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
        "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigprocmask": 14, "rt_sigreturn": 15,
        "pread64": 17, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28,
        "nanosleep": 35, "getpid": 39, "sendto": 44, "recvfrom": 45, "clone": 56, "exit": 60, "uname": 63, "fcntl": 72,
        "getcwd": 79, "readlink": 89, "gettimeofday": 96, "getrusage": 98, "times": 100, "getuid": 102,
        "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131, "gettid": 186,
        "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "restart_syscall": 219, "clock_gettime": 228,
        "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "newfstatat": 262,
        "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271, "getrandom": 318, "membarrier": 324,
        "set_robust_list": 273, "statx": 332, "rseq": 334, "clone3": 435, "io_uring_setup": 425, "faccessat2": 439,
        "sendmsg": 46, "umask": 95, "epoll_wait": 232, "epoll_pwait": 281,
    },
)  # fmt: skip
_AARCH64 = Machine(
    0xC000_00B7,
    277,
    {
        "getcwd": 17, "fcntl": 25, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61, "lseek": 62,
        "read": 63, "write": 64, "pread64": 67, "pselect6": 72, "ppoll": 73, "readlinkat": 78, "newfstatat": 79,
        "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98, "set_robust_list": 99, "nanosleep": 101,
        "clock_gettime": 113,
        "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124,
        "restart_syscall": 128, "sigaltstack": 132, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153,
        "uname": 160, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174,
        "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "sendto": 206, "recvfrom": 207,
        "brk": 214, "munmap": 215, "mremap": 216, "clone": 220, "mmap": 222, "mprotect": 226, "madvise": 233,
        "getrandom": 278, "membarrier": 283, "statx": 291, "clone3": 435, "rseq": 293, "faccessat2": 439,
        "io_uring_setup": 425, "sendmsg": 211, "umask": 166, "epoll_pwait": 22,
    },
)  # fmt: skip
MACHINES: Mapping[str, Machine] = {"x86_64": _X86_64, "aarch64": _AARCH64}


_ALWAYS = (
    "read", "write", "close", "poll", "ppoll", "brk", "munmap",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres",
    "gettimeofday", "sched_yield", "getpid", "gettid", "getrandom", "membarrier", "rseq",
    "restart_syscall", "exit", "exit_group",
)  # fmt: skip
_READING_FILES = (
    "stat", "fstat", "lstat", "newfstatat", "statx", "lseek", "pread64", "getdents64", "readlink", "readlinkat",
    "access", "faccessat", "faccessat2", "getcwd", "uname", "getuid", "geteuid", "getgid", "getegid",
    "getppid", "times", "getrusage", "select", "pselect6",
)  # fmt: skip
_PRIVATE_DATA: Mapping[str, tuple[Bits | OneOf, ...]] = {
    "mmap": (
        Bits(2, PROT_EXEC),
        Bits(3, OTHER_MAP_FLAGS),
        Bits(3, MAP_PRIVATE, required=True),
        Bits(3, MAP_ANONYMOUS, required=True),
    ),
    "mprotect": (Bits(2, PROT_EXEC),),
    "madvise": (OneOf(2, ADVICE),),
}
# Of the process itself only.
_OWN_PROCESSORS: Mapping[str, tuple[Bits | OneOf, ...]] = {"sched_getaffinity": (OneOf(0, (0,)),)}
_WITHOUT_THREADS: Mapping[str, tuple[Bits | OneOf, ...]] = {"futex": (OneOf(1, PRIVATE_FUTEX),)}
# For RLIMIT_AS alone to bound: mremap can extend the stack, which RLIMIT_DATA does not count. libc can do without it.
_REMAPPING: Mapping[str, tuple[Bits | OneOf, ...]] = {"mremap": (OneOf(3, REMAP_FLAGS),)}
# Without flags: urgent data (MSG_OOB) of Unix sockets has let sandboxed code exploit the kernel (CVE-2025-38236).
_PLAIN_MESSAGES: Mapping[str, tuple[Bits | OneOf, ...]] = {"recvfrom": (OneOf(3, (0,)),), "sendto": (OneOf(3, (0,)),)}
_OPENING_TO_READ: Mapping[str, tuple[Bits | OneOf, ...]] = {
    "open": (Bits(1, OPEN_TO_CHANGE),),
    "openat": (Bits(2, OPEN_TO_CHANGE),),
    "fcntl": (OneOf(1, OWN_DESCRIPTORS),),
}

_LOAD, _EQUAL, _BITS_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW = 0x7FFF_0000
_REFUSE = 0x0005_0000 | errno.EPERM
_NOTIFY = 0x7FC0_0000
_UNKNOWN = 0x0005_0000 | errno.ENOSYS
_SET_MODE_FILTER, _SYNC_THREADS, _NEW_LISTENER = 1, 1, 8
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16


def javascript_filter() -> bytes:
    """Return the filter for Node without a JIT: memory that is not executable, the clock, its socket.

    Its idle threads sleep in epoll, and it reads the processor time that it has used. The child hands its listener over
    on one descriptor. The listener answers every other call until the process is ready. Then it is closed, and these
    calls fail with ENOSYS.
    """
    handing_over = {"sendmsg": (OneOf(0, (LISTENER_SOCKET,)), Bits(2, 0xFFFF_FFFF))}
    more = dict.fromkeys(("epoll_wait", "epoll_pwait", "getrusage"), ())
    calls = {**_PRIVATE_DATA, **_OWN_PROCESSORS, **_WITHOUT_THREADS, **more, **handing_over}
    return build({**dict.fromkeys(_ALWAYS, ()), **calls}, refusal=_NOTIFY)


def python_filter() -> bytes:
    """Return the filter for Python: memory, the clock, and read access to the files of its mount namespace."""
    calls = {
        **_PRIVATE_DATA,
        **_OWN_PROCESSORS,
        **_WITHOUT_THREADS,
        **_REMAPPING,
        **_OPENING_TO_READ,
        **_PLAIN_MESSAGES,
    }
    return build({**dict.fromkeys(_ALWAYS + _READING_FILES, ()), **calls})


def build(allowed: Mapping[str, tuple[Bits | OneOf, ...]], refusal: int = _REFUSE) -> bytes:
    """Assemble a program that allows these calls of this machine, each under its conditions."""
    machine = MACHINES[platform.machine()]
    program = [_step(_LOAD, _ARCH_OFFSET), _step(_EQUAL, machine.audit_arch, 1, 0), _step(_RETURN, _REFUSE)]
    # Their arguments are in memory, which filters cannot read. Reported as nonexistent, they are replaced: libc uses
    # clone, and libuv, which would keep its rings open, epoll.
    for name in ("clone3", "io_uring_setup"):
        program += _rule(machine.numbers[name], [_step(_RETURN, _UNKNOWN)])
    for name, conditions in allowed.items():
        if name in machine.numbers:
            program += _rule(machine.numbers[name], _conditional(conditions, refusal))
    return b"".join([*program, _step(_RETURN, refusal)])


def install(program: bytes) -> None:
    """Put the whole process, with every thread, under the filter permanently."""
    _install(program, _SYNC_THREADS)


def install_with_listener(program: bytes) -> int:
    """Put this thread under the filter and return the listener that answers held calls."""
    return _install(program, _NEW_LISTENER)


def number_of(call: str) -> int:
    """Return this machine's number of a system call."""
    return MACHINES[platform.machine()].numbers[call]


def _install(program: bytes, flags: int) -> int:
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return linux.syscall(MACHINES[platform.machine()].seccomp, _SET_MODE_FILTER, flags, header)


def _rule(number: int, body: list[bytes]) -> list[bytes]:
    return [_step(_LOAD, _NUMBER_OFFSET), _step(_EQUAL, number, 0, len(body)), *body]


def _conditional(conditions: tuple[Bits | OneOf, ...], refusal: int) -> list[bytes]:
    steps: list[bytes] = []
    for condition in conditions:
        steps.append(_step(_LOAD, _ARGUMENTS_OFFSET + 8 * condition.argument))
        if isinstance(condition, OneOf):
            left = range(len(condition.values), 0, -1)
            steps += [_step(_EQUAL, value, jump) for value, jump in zip(condition.values, left, strict=True)]
        else:
            steps.append(_step(_BITS_SET, condition.mask, int(condition.required), int(not condition.required)))
        steps.append(_step(_RETURN, refusal))
    return [*steps, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump_true, jump_false, value)
