"""Actions of an exploit inside the jail: this program locks itself down like a child of the zygote, then tries one
system call after another, and prints each result as JSON."""

import ctypes
import json
import os
import struct
import sys
from collections.abc import Callable

SANDBOX, FILTER = sys.argv[1], sys.argv[2]
sys.path.append(SANDBOX)

from jail import confine, seccomp  # noqa: E402

AT_FDCWD, O_CREAT, O_WRONLY = -100, 0o100, 1
SHARED_WORD = bytes(8)
PROT_ALL, MAP_PRIVATE_ANONYMOUS = 7, 0x22
SIGCHLD, CLONE_VM, CLONE_NEWUSER = 17, 0x100, 0x1000_0000
CLONE_THREAD_NEWPID = 0x2001_0F00
F_SETFL, F_SETLK, F_SETOWN, F_SETSIG, F_SETOWN_EX, F_OFD_SETLK = 4, 6, 8, 10, 15, 37
F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_ADD_SEALS, F_SET_RW_HINT = 1024, 1026, 1031, 1033, 1036
O_ASYNC, SIGKILL, PRIO_PROCESS, SIGEV_THREAD_ID = 0x2000, 9, 0, 4
FIOASYNC, FIOSETOWN, SIOCSPGRP, TIOCSTI = 0x5452, 0x8901, 0x8902, 0x5412
PR_SET_PDEATHSIG, PR_SET_PTRACER, PR_SCHED_CORE = 1, 0x59616D61, 62
OWNER_THREAD, OWNER_PROCESS, OWNER_GROUP = (struct.pack("ii", kind, os.getppid()) for kind in (0, 1, 2))
TIMER_ON_ITS_PARENT = struct.pack("QiiI", 0, SIGKILL, SIGEV_THREAD_ID, os.getppid()).ljust(64, b"\0")
PARENT = os.getppid()
X86 = os.uname().machine == "x86_64"

# name: (number on x86_64, number on aarch64, arguments)
CALLS: dict[str, tuple[int, int, tuple[object, ...]]] = {
    "open a file": (257, 56, (AT_FDCWD, b"/etc/passwd", 0, 0)),
    "open its own memory": (257, 56, (AT_FDCWD, b"/proc/self/mem", 2, 0)),
    "create a file": (257, 56, (AT_FDCWD, b"/tmp/evil", O_CREAT | O_WRONLY, 0o600)),
    "open with openat2": (437, 437, (AT_FDCWD, b"/etc/passwd", bytes(24), 24)),
    "create an anonymous file": (319, 279, (b"evil", 0)),
    "make a directory": (258, 34, (AT_FDCWD, b"/tmp/evil-dir", 0o700)),
    "link a file": (265, 37, (AT_FDCWD, b"/etc/passwd", AT_FDCWD, b"/tmp/evil-link", 0)),
    "delete a file": (263, 35, (AT_FDCWD, b"/tmp/evil", 0)),
    "list a directory": (217, 61, (0, bytes(1024), 1024)),
    "read a link": (267, 78, (AT_FDCWD, b"/proc/self/exe", bytes(100), 100)),
    "run a program": (59, 221, (b"/bin/sh", None, None)),
    "run a program by descriptor": (322, 281, (0, b"", None, None, 0x1000)),
    "fork": (56, 220, (SIGCHLD, None, None, None, None)),
    "fork, sharing memory": (56, 220, (CLONE_VM | SIGCHLD, None, None, None, None)),
    "fork into a namespace": (56, 220, (CLONE_NEWUSER | SIGCHLD, None, None, None, None)),
    "clone3": (435, 435, (bytes(88), 88)),
    "open an internet socket": (41, 198, (2, 1, 0)),
    "open a unix socket": (41, 198, (1, 1, 0)),
    "open a netlink socket": (41, 198, (16, 3, 0)),
    "make a socket pair": (53, 199, (1, 1, 0, bytes(8))),
    "connect": (42, 203, (0, bytes(16), 16)),
    "listen": (50, 201, (0, 1)),
    "send descriptors": (46, 211, (0, bytes(56), 0)),
    "receive descriptors": (47, 212, (0, bytes(56), 0)),
    "send urgent data": (44, 206, (0, b"x", 1, 1, None, 0)),
    "send urgent data without a signal": (44, 206, (0, b"x", 1, 0x4001, None, 0)),
    "receive urgent data": (45, 207, (0, bytes(8), 1, 1, None, None)),
    "peek at urgent data": (45, 207, (0, bytes(8), 1, 3, None, None)),
    "send urgent data with a descriptor": (46, 211, (63, bytes(56), 1)),
    "make a pipe": (293, 59, (bytes(8), 0)),
    "duplicate a descriptor": (32, 23, (1,)),
    "signal its parent": (62, 129, (PARENT, 0)),
    "signal everybody": (62, 129, (-1, 0)),
    "signal a thread": (234, 131, (PARENT, PARENT, 0)),
    "signal a thread through the old call": (200, 130, (PARENT, 0)),
    "queue a signal": (129, 138, (PARENT, 0, bytes(128))),
    "queue a signal for a thread": (297, 240, (PARENT, PARENT, 0, bytes(128))),
    "signal by handle": (424, 424, (1, 0, None, 0)),
    "take a descriptor of its parent": (438, 438, (1, 0, 0)),
    "own a descriptor's signals": (72, 25, (1, F_SETOWN, PARENT)),
    "own a descriptor's signals as a group": (72, 25, (1, F_SETOWN, -PARENT)),
    "own a descriptor's signals, by thread": (72, 25, (1, F_SETOWN_EX, OWNER_THREAD)),
    "own a descriptor's signals, by process": (72, 25, (1, F_SETOWN_EX, OWNER_PROCESS)),
    "own a descriptor's signals, by group": (72, 25, (1, F_SETOWN_EX, OWNER_GROUP)),
    "choose a descriptor's signal": (72, 25, (1, F_SETSIG, SIGKILL)),
    "choose a descriptor's signal, with odd high bits": (72, 25, (1, F_SETSIG | 1 << 32, SIGKILL)),
    "have a descriptor send signals": (72, 25, (1, F_SETFL, O_ASYNC)),
    "have a descriptor send signals, by ioctl": (16, 29, (1, FIOASYNC, b"\1\0\0\0")),
    "own a descriptor's signals, by ioctl": (16, 29, (1, FIOSETOWN, struct.pack("i", PARENT))),
    "own a socket's signals, by ioctl": (16, 29, (1, SIOCSPGRP, struct.pack("i", PARENT))),
    "type into a terminal": (16, 29, (1, TIOCSTI, b"x")),
    "lease a file": (72, 25, (1, F_SETLEASE, 1)),
    "be told of a directory's changes": (72, 25, (1, F_NOTIFY, 0x8000_0001)),
    "size a pipe": (72, 25, (1, F_SETPIPE_SZ, 1 << 20)),
    "seal a file": (72, 25, (1, F_ADD_SEALS, 1)),
    "hint at a file's life": (72, 25, (1, F_SET_RW_HINT, bytes(8))),
    "lock a file": (72, 25, (1, F_SETLK, bytes(32))),
    "lock a file by description": (72, 25, (1, F_OFD_SETLK, bytes(32))),
    "lock a whole file": (73, 32, (1, 5)),
    "be signalled when its parent dies": (157, 167, (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)),
    "let others trace it": (157, 167, (PR_SET_PTRACER, -1, 0, 0, 0)),
    "share a core's secrets": (157, 167, (PR_SCHED_CORE, 2, PARENT, 1, 0)),
    "handle a signal": (13, 134, (10, bytes(32), None, 8)),
    "wait for a process": (247, 95, (0, 0, None, 4, None)),
    "move to another process group": (109, 154, (0, PARENT)),
    "move its parent to other processors": (203, 122, (PARENT, 8, b"\1")),
    "schedule its parent": (144, 119, (PARENT, 0, bytes(4))),
    "schedule its parent, with parameters": (142, 118, (PARENT, bytes(4))),
    "schedule its parent, with attributes": (314, 274, (PARENT, bytes(56), 0)),
    "slow its parent": (141, 140, (PRIO_PROCESS, PARENT, 19)),
    "slow its parent's disk": (251, 30, (1, PARENT, 0)),
    "limit its parent": (302, 261, (PARENT, 0, bytes(16), None)),
    "compare itself with its parent": (312, 272, (os.getpid(), PARENT, 0, 0, 0)),
    "advise on its parent's memory": (440, 440, (1, bytes(16), 1, 21, 0)),
    "release its parent's memory": (448, 448, (1, 0)),
    "move its parent's memory": (256, 238, (PARENT, 8, bytes(8), bytes(8))),
    "move its parent's pages": (279, 239, (PARENT, 0, None, None, None, 0)),
    "find its parent's locks": (274, 100, (PARENT, bytes(8), bytes(8))),
    "make a timer that signals a thread": (222, 107, (1, TIMER_ON_ITS_PARENT, bytes(8))),
    "open a message queue": (240, 180, (b"evil", 0o102, 0o600, None)),
    "be signalled by a message queue": (244, 184, (1, TIMER_ON_ITS_PARENT)),
    "make semaphores": (64, 190, (0, 1, 0o1600)),
    "make a message queue": (68, 186, (0, 0o1600)),
    "start a thread in a namespace": (56, 220, (CLONE_THREAD_NEWPID, None, None, None, None)),
    "trace its parent": (101, 117, (16, PARENT, 0, 0)),
    "read its parent's memory": (310, 270, (PARENT, bytes(16), 1, bytes(16), 1, 0)),
    "write its parent's memory": (311, 271, (PARENT, bytes(16), 1, bytes(16), 1, 0)),
    "open a handle of its parent": (434, 434, (PARENT, 0)),
    "make memory executable": (10, 226, (0, 4096, PROT_ALL)),
    "map executable memory": (9, 222, (0, 4096, PROT_ALL, MAP_PRIVATE_ANONYMOUS, -1, 0)),
    "map a file": (9, 222, (0, 4096, 1, 2, 0, 0)),
    "map a stack that grows": (9, 222, (0, 4096, 3, MAP_PRIVATE_ANONYMOUS | 0x100, -1, 0)),
    "map locked memory": (9, 222, (0, 4096, 3, MAP_PRIVATE_ANONYMOUS | 0x2000, -1, 0)),
    "map memory that is populated at once": (9, 222, (0, 4096, 3, MAP_PRIVATE_ANONYMOUS | 0x8000, -1, 0)),
    "map huge pages": (9, 222, (0, 1 << 21, 3, MAP_PRIVATE_ANONYMOUS | 0x4_0000, -1, 0)),
    "map droppable memory": (9, 222, (0, 4096, 3, 0x28, -1, 0)),
    "map anonymous shared memory": (9, 222, (0, 4096, 3, 0x21, -1, 0)),
    "map validated shared memory": (9, 222, (0, 4096, 3, 0x23, -1, 0)),
    "move memory to an address": (25, 216, (0, 4096, 4096, 3, 0)),
    "leave a hole where memory moves": (25, 216, (0, 4096, 4096, 5, 0)),
    "share equal pages with others": (28, 233, (0, 4096, 12)),
    "populate memory": (28, 233, (0, 4096, 23)),
    "lock memory": (149, 228, (0, 4096)),
    "lock all memory": (151, 230, (2,)),
    "lock memory on a fault": (325, 284, (0, 4096, 1)),
    "wake others through a shared page": (202, 98, (SHARED_WORD, 1, 1, None, None, 0)),
    "wake some through a shared page": (202, 98, (SHARED_WORD, 10, 1, None, None, 1)),
    "requeue others": (202, 98, (SHARED_WORD, 3, 1, 1, SHARED_WORD, 0)),
    "requeue others by value": (202, 98, (SHARED_WORD, 4, 1, 1, SHARED_WORD, 0)),
    "wake others and write": (202, 98, (SHARED_WORD, 5, 1, 1, SHARED_WORD, 0)),
    "lock a shared word": (202, 98, (SHARED_WORD, 6, 0, None, None, 0)),
    "wake with futex2": (454, 454, (SHARED_WORD, 1, 1, 2)),
    "wait for several words": (449, 449, (bytes(24), 1, 0, None, 0)),
    "map shared memory": (29, 194, (0, 4096, 0o1600)),
    "become root": (105, 146, (0,)),
    "leave its user": (117, 147, (0, 0, 0)),
    "get capabilities": (126, 91, (bytes(8), bytes(24))),
    "make a namespace": (272, 97, (0x1000_0000,)),
    "join a namespace": (308, 268, (0, 0)),
    "change its root": (161, 51, (b"/",)),
    "mount": (165, 40, (None, None, None, 0, None)),
    "raise its limits": (302, 261, (0, 7, bytes(16), None)),
    "lift the filter": (157, 167, (22, 0, 0, 0, 0)),
    "add a filter": (317, 277, (1, 0, None)),
    "load a kernel program": (321, 280, (0, bytes(128), 128)),
    "start io_uring": (425, 425, (8, bytes(120))),
    "handle page faults": (323, 282, (0,)),
    "open performance counters": (298, 241, (bytes(128), 0, -1, -1, 0)),
    "use the keyring": (248, 217, (b"user", b"a", b"b", 1, -3)),
    "make a timer": (222, 107, (0, None, bytes(8))),
    "watch files": (294, 26, (0,)),
    "ask for the host's name": (63, 160, (bytes(390),)),
    "change the clock": (227, 112, (0, None)),
    "reboot": (169, 142, (0, 0, 0, None)),
}  # fmt: skip
if X86:
    CALLS["open a file through the old call"] = (2, -1, (b"/etc/passwd", 0, 0))
    CALLS["fork through the old call"] = (57, -1, ())
    CALLS["vfork"] = (58, -1, ())
    CALLS["call the kernel as x32"] = (0x4000_0000 | 257, -1, (AT_FDCWD, b"/etc/passwd", 0, 0))


def attempt(number: int, arguments: tuple[object, ...]) -> str:
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *(native(argument) for argument in arguments))
    return "done" if result >= 0 else os.strerror(ctypes.get_errno())


def native(argument: object) -> object:
    if isinstance(argument, bytes):
        return ctypes.create_string_buffer(argument, max(len(argument) + 1, 8))
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def lock_down() -> None:
    confine.detach_from_parent(keep=(1,))
    confine.limit(data=1 << 30, cpu_seconds=10)
    seccomp.install(getattr(seccomp, FILTER)())


LIBC = ctypes.CDLL(None, use_errno=True)
from jail import linux  # noqa: E402

WARM: Callable[[], object] = lambda: (json.dumps({"a": ["b"]}), os.strerror(1), native(b"x"))  # noqa: E731
WARM()
linux.no_new_privileges()
lock_down()
print(json.dumps({name: attempt(x86 if X86 else arm, arguments) for name, (x86, arm, arguments) in CALLS.items()}))
sys.stdout.flush()
os._exit(0)
