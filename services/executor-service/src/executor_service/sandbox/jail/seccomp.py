"""System call filters, as classic BPF programs for the kernel's seccomp.

A filter is a list of allowed calls; any other fails with EPERM. A call may carry a condition on one argument, checked
as bits that must be absent or present. Programs are built for the machine's own architecture, and calls made through
another ABI are refused.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping
from typing import NamedTuple

from . import linux

PROT_EXEC = 0x4
MAP_ANONYMOUS = 0x20


class Bits(NamedTuple):
    """A condition on an argument: these bits must all be clear, or (`required`) all be set."""

    argument: int
    mask: int
    required: bool = False


class Machine(NamedTuple):
    audit_arch: int
    seccomp: int
    numbers: Mapping[str, int]


_X86_64 = Machine(
    0xC000_003E,
    317,
    {
        "read": 0, "write": 1, "close": 3, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "mremap": 25, "madvise": 28, "nanosleep": 35,
        "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60, "gettimeofday": 96, "sched_yield": 24,
        "sigaltstack": 131, "gettid": 186, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219,
        "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
        "membarrier": 324, "rseq": 334,
    },
)  # fmt: skip
_AARCH64 = Machine(
    0xC000_00B7,
    277,
    {
        "read": 63, "write": 64, "close": 57, "ppoll": 73, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215,
        "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "mremap": 216, "madvise": 233,
        "nanosleep": 101, "getpid": 172, "sendto": 206, "recvfrom": 207, "exit": 93, "gettimeofday": 169,
        "sched_yield": 124, "sigaltstack": 132, "gettid": 178, "futex": 98, "sched_getaffinity": 123,
        "restart_syscall": 128, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "exit_group": 94,
        "getrandom": 278, "membarrier": 283, "rseq": 293,
    },
)  # fmt: skip
MACHINES: Mapping[str, Machine] = {"x86_64": _X86_64, "aarch64": _AARCH64}


_JAVASCRIPT: Mapping[str, tuple[Bits, ...]] = {
    **dict.fromkeys(
        (
            "read", "write", "recvfrom", "sendto", "close", "poll", "ppoll", "brk", "munmap", "mremap", "madvise",
            "futex", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "nanosleep", "clock_nanosleep",
            "clock_gettime", "clock_getres", "gettimeofday", "sched_yield", "sched_getaffinity", "getpid", "gettid",
            "getrandom", "membarrier", "rseq", "restart_syscall", "exit", "exit_group",
        ),
        (),
    ),
    "mmap": (Bits(2, PROT_EXEC), Bits(3, MAP_ANONYMOUS, required=True)),
    "mprotect": (Bits(2, PROT_EXEC),),
}  # fmt: skip

_LOAD, _EQUAL, _BITS_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW = 0x7FFF_0000
_REFUSE = 0x0005_0000 | errno.EPERM
_SET_MODE_FILTER, _SYNC_THREADS = 1, 1
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16


def javascript_filter() -> bytes:
    """What a warm V8 without a JIT needs: memory that cannot be executed, its own locks, the clock, its socket."""
    return build(_JAVASCRIPT)


def build(allowed: Mapping[str, tuple[Bits, ...]]) -> bytes:
    """Assemble a program that allows these calls of this machine, each under its conditions."""
    machine = MACHINES[platform.machine()]
    rules = [(machine.numbers[name], bits) for name, bits in allowed.items() if name in machine.numbers]
    program = [_step(_LOAD, _ARCH_OFFSET), _step(_EQUAL, machine.audit_arch, 1, 0), _step(_RETURN, _REFUSE)]
    for number, conditions in rules:
        body = _conditional(conditions)
        program += [_step(_LOAD, _NUMBER_OFFSET), _step(_EQUAL, number, 0, len(body)), *body]
    return b"".join([*program, _step(_RETURN, _REFUSE)])


def install(program: bytes) -> None:
    """Put the whole process, every thread of it, under the filter; there is no way back."""
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    linux.syscall(MACHINES[platform.machine()].seccomp, _SET_MODE_FILTER, _SYNC_THREADS, header)


def _conditional(conditions: tuple[Bits, ...]) -> list[bytes]:
    steps: list[bytes] = []
    for argument, mask, required in conditions:
        steps.append(_step(_LOAD, _ARGUMENTS_OFFSET + 8 * argument))
        steps.append(_step(_BITS_SET, mask, int(required), int(not required)))
        steps.append(_step(_RETURN, _REFUSE))
    return [*steps, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, jump_true, jump_false, value)
