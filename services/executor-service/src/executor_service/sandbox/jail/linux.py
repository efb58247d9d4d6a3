"""Linux calls that Python 3.11 lacks."""

import ctypes
import fcntl
import os
import signal
import struct
from typing import NamedTuple

CLONE_NEWNS = 0x0002_0000
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

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND = 0x1, 0x2, 0x4, 0x20, 0x1000
_MS_REC, _MS_PRIVATE = 0x4000, 0x4_0000
# A bind mount in a user namespace keeps the flags of its source, which remounting must repeat: NOEXEC, NOATIME,
# NODIRATIME and RELATIME have the same values in statvfs as in mount, except the last.
_KEPT_FLAGS, _ST_RELATIME, _MS_RELATIME = 0x8 | 0x400 | 0x800, 0x1000, 0x20_0000
_NOTIFICATION, _NOTIFICATION_ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_NOTIF_RECV, _NOTIF_SEND = 0xC050_2100, 0xC018_2101
_NOTIF_CONTINUE = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.restype = ctypes.c_void_p


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: object) -> int:
    return _check(_libc.syscall(ctypes.c_long(number), *arguments))


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags))


def die_with_parent(signal_number: int) -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def hide_memory() -> None:
    """Disable core dumps, and hide this process's memory from other processes of its user."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def no_new_privileges() -> None:
    """Prevent this process and its children from gaining privileges, which installing a filter requires."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def keep_capabilities_as_another_user() -> None:
    """Let the permitted capabilities survive the next change of user."""
    _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))


def drop_capabilities(*, keep_namespaces: bool = False) -> None:
    """Drop every capability, or all but CAP_SYS_ADMIN, which creating namespaces requires.

    Raises OSError without it.
    """
    kept = _CAP_SYS_ADMIN if keep_namespaces else 0
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable: the low halves, then the high ones.
    _check(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(kept, kept))))


def enter_process_namespace(process: int) -> None:
    """Give the next children the PID namespace of this process, by its handle. The caller's own cannot change."""
    _check(_libc.setns(process, CLONE_NEWPID))


def exit_on(number: signal.Signals) -> None:
    """Make this signal end the process, with its number as the exit code.

    The kernel ignores a signal without handler for the first process of a PID namespace.
    """
    _libc.signal(number, ctypes.cast(_libc._exit, ctypes.c_void_p))


def make_mounts_private() -> None:
    """Let no mount of this mount namespace reach another one."""
    _check(_libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))


def mount_memory(folder: str) -> None:
    """Mount an empty file system that only its owner can write."""
    flags = _MS_NOSUID | _MS_NODEV
    _check(_libc.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, b"mode=755,size=1m"))


def make_read_only(folder: str) -> None:
    """Remount what `mount_memory` mounted."""
    flags = _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    _check(_libc.mount(None, folder.encode(), None, flags, None))


def bind_read_only(source: str, target: str) -> None:
    """Bind one file read-only to another path."""
    _check(_libc.mount(source.encode(), target.encode(), None, _MS_BIND, None))
    kept = os.statvfs(target).f_flag
    flags = kept & _KEPT_FLAGS | (_MS_RELATIME if kept & _ST_RELATIME else 0)
    flags |= _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV
    _check(_libc.mount(None, target.encode(), None, flags, None))


class Notification(NamedTuple):
    """System call that a filter holds until its listener answers."""

    id: int
    number: int


def next_notification(listener: int) -> Notification:
    """Take the next held call from a filter's listener. Raises OSError."""
    buffer = bytearray(_NOTIFICATION.size)
    fcntl.ioctl(listener, _NOTIF_RECV, buffer)
    id_, _, _, number, *_ = _NOTIFICATION.unpack(buffer)
    return Notification(id_, number)


def continue_call(listener: int, notification: Notification) -> None:
    """Let the kernel execute the held call. Raises OSError."""
    answer = _NOTIFICATION_ANSWER.pack(notification.id, 0, 0, _NOTIF_CONTINUE)
    fcntl.ioctl(listener, _NOTIF_SEND, bytearray(answer))


def answer_call(listener: int, notification: Notification, value: int) -> None:
    """Return this value from the held call, which is not executed. Raises OSError."""
    fcntl.ioctl(listener, _NOTIF_SEND, bytearray(_NOTIFICATION_ANSWER.pack(notification.id, value, 0, 0)))
