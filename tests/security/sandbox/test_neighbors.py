"""A script cannot harm the script of another workspace that runs at the same time."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.eventually import eventually

from executor_service.sandbox import (
    FetchRequest,
    FetchResponse,
    JavaScriptSandbox,
    PoolSize,
    PythonSandbox,
    Script,
)

SIZE = PoolSize(running=4, spare=2)
VICTIM = "sim.files.readText({'key': 'wait'})\nreturn 'alive'"
# Its own end of the socket sends SIGKILL, to one process after another, whenever the parent writes to it.
KILL_BY_DESCRIPTOR = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
SETFL, SETOWN, SETSIG, SETOWN_EX, O_ASYNC = 4, 8, 10, 15, 0x2000
FIOASYNC, FIOSETOWN, SIOCSPGRP = 0x5452, 0x8901, 0x8902
line, me, done = sim.files._connection.fileno(), os.getpid(), []

def attempt(function, command, argument):
    if function(line, command, argument) == 0:
        done.append(command)

one = ctypes.byref(ctypes.c_int(1))
attempt(libc.fcntl, SETSIG, 9)
attempt(libc.fcntl, SETFL, O_ASYNC)
attempt(libc.ioctl, FIOASYNC, one)
for pid in range(2, me + 12):
    if pid != me:
        OWN
        sim.files.readText({'key': 'at once'})
return done
"""
OWNERS = {
    "process": "attempt(libc.fcntl, SETOWN, pid)",
    "process group": "attempt(libc.fcntl, SETOWN, -pid)",
    "thread, extended": "attempt(libc.fcntl, SETOWN_EX, struct.pack('ii', 0, pid))",
    "process, extended": "attempt(libc.fcntl, SETOWN_EX, struct.pack('ii', 1, pid))",
    "process group, extended": "attempt(libc.fcntl, SETOWN_EX, struct.pack('ii', 2, pid))",
    "process, by ioctl": "attempt(libc.ioctl, FIOSETOWN, ctypes.byref(ctypes.c_int(pid)))",
    "socket's owner, by ioctl": "attempt(libc.ioctl, SIOCSPGRP, ctypes.byref(ctypes.c_int(pid)))",
}


class Gate:
    """A fetcher that answers immediately or, where the script waits, when the gate opens."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        if "wait" in request.url:
            self.waiting.set()
            await self.open.wait()
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=b"")


@pytest.mark.parametrize("own", OWNERS.values(), ids=OWNERS)
async def test_a_descriptor_sends_no_signal_to_a_neighbor(own: str) -> None:
    gate = Gate()
    async with PythonSandbox(fetcher=gate, size=SIZE) as sandbox:
        victim = asyncio.create_task(sandbox.run(Script(code=VICTIM, owner="b", workspace_id="b")))
        async with asyncio.timeout(60):
            await gate.waiting.wait()
        code = KILL_BY_DESCRIPTOR.replace("OWN\n", f"{own}\n")
        attack = await sandbox.run(Script(code=code, owner="a", workspace_id="a", timeout_ms=60_000))
        gate.open.set()
        survived = await victim
        assert (survived.error, survived.value()) == (None, "alive")
        assert (attack.error, attack.value()) == (None, [])


@pytest.mark.parametrize(
    ("language", "code"),
    [
        (PythonSandbox, VICTIM),
        (JavaScriptSandbox, "await fetch('http://wait'); return 'alive'"),
    ],
)
async def test_each_owner_has_a_process_namespace(language: type[PythonSandbox | JavaScriptSandbox], code: str) -> None:
    gate, others = Gate(), children(os.getpid())
    async with language(fetcher=gate, size=SIZE) as sandbox:
        scripts = [asyncio.create_task(sandbox.run(Script(code=code, owner=name, workspace_id=name))) for name in "abc"]
        async with asyncio.timeout(60):
            await gate.waiting.wait()
        await eventually(lambda: len(children(zygote(others))) >= len(scripts))
        depth = len(ids_of(zygote(others)))
        for pid in children(zygote(others)):
            ids = ids_of(pid)
            assert (len(ids), ids[-1]) == (depth + 1, 1)
            assert all(len(ids_of(script)) == depth + 1 for script in children(pid))
        assert "process namespace for each child" in sandbox.describe()
        gate.open.set()
        assert [script.value() for script in await asyncio.gather(*scripts)] == ["alive"] * 3


@pytest.mark.parametrize(
    ("language", "hog", "hogs", "size"),
    [
        (PythonSandbox, "import time\ntime.sleep(3600)", 18, PoolSize()),
        (JavaScriptSandbox, "for (;;);", 24, PoolSize(running=4, spare=1)),
    ],
)
async def test_scripts_that_never_end_make_no_other_workspace_wait(
    language: type[PythonSandbox | JavaScriptSandbox], hog: str, hogs: int, size: PoolSize
) -> None:
    others = children(os.getpid())
    async with language(size=size) as sandbox:
        endless = [
            asyncio.create_task(sandbox.run(Script(code=hog, owner=f"a/{n % 3}", workspace_id="a")))
            for n in range(hogs)
        ]
        await eventually(lambda: len(children(zygote(others))) >= size.running * 3 // 4)
        for n in range(3):
            answer = await sandbox.run(Script(code=f"return {n}", owner="b", workspace_id="b", timeout_ms=60_000))
            assert (answer.error, answer.value()) == (None, n)
        assert not any(task.done() for task in endless)
        for task in endless:
            task.cancel()
        await asyncio.gather(*endless, return_exceptions=True)


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has ended
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def zygote(others: list[int]) -> int:
    """Return the process below this one whose children have a process namespace of their own.

    `others` are the earlier children of this process: servers of other tests, for example.
    """
    below = [pid for pid in children(os.getpid()) if pid not in others]
    for pid in below:
        below += children(pid)
    return next(pid for pid in reversed(below) if any(len(ids_of(child)) > len(ids_of(pid)) for child in children(pid)))


def ids_of(pid: int) -> list[int]:
    """Return the ids of a process, from the outermost PID namespace to its own."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return []
    return [int(each) for each in status.partition("NSpid:")[2].partition("\n")[0].split()]
