"""The few Linux calls that Python 3.11 does not offer."""

import ctypes
import os
import signal

CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x2008_0522
_CAP_SYS_ADMIN = 1 << 21

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.restype = ctypes.c_void_p


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags))


def die_with_parent(signal_number: int) -> None:
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def hide_memory() -> None:
    """No core dump, and no other process of this user may read this one's memory."""
    _checked(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def no_new_privileges() -> None:
    """Nothing that this process starts can gain rights; a filter may then be installed without any."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def keep_capabilities_as_another_user() -> None:
    """Let the permitted capabilities survive the next change of user."""
    _checked(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))


def drop_capabilities(*, but_namespaces: bool = False) -> None:
    """Give up every capability, or all but CAP_SYS_ADMIN, which making namespaces takes. Raises OSError without it."""
    kept = _CAP_SYS_ADMIN if but_namespaces else 0
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable: the low halves, then the high ones.
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(kept, kept))))


def enter_process_namespace(process: int) -> None:
    """Give the next children the PID namespace of this process, by its handle. The caller's own cannot change."""
    _checked(_libc.setns(process, CLONE_NEWPID))


def exit_on(number: signal.Signals) -> None:
    """End this process with the number of this signal as exit code, when it comes.

    The kernel ignores a signal without handler for the first process of a PID namespace.
    """
    _libc.signal(number, ctypes.cast(_libc._exit, ctypes.c_void_p))
