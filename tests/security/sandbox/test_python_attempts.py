"""Hostile Python kills only itself, and its author gets the reason."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.security.sandbox.attempts import CRASHED, MEMORY, OUTPUT, SYNTAX, THROWN, TIMEOUT, Attempt, ends, returns

from executor_service.adapters.sandbox_files import SandboxFiles
from executor_service.sandbox import ErrorKind, PoolSize, PythonSandbox, SandboxLimits, Script, no_fetch
from shared.contracts.files import FileKey
from shared.errors import NotFound

pytestmark = pytest.mark.asyncio(loop_scope="module")

CPU = ErrorKind.CPU
WRITE_EVERYWHERE = """
import os
for descriptor in range(64):
    try: os.write(descriptor, {})
    except OSError: pass
"""
NOT_PERMITTED = "Operation not permitted"
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
# mremap finds the whole stack from any address in it; glibc's __libc_stack_end is near its end.
LONGER_STACK = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
end = ctypes.c_void_p.in_dll(libc, "__libc_stack_end").value & ~4095
libc.mremap.restype = ctypes.c_void_p
return libc.mremap(ctypes.c_void_p(end), 4096, ctypes.c_size_t(1 << 30), 1) == 2**64 - 1
"""

REACHING_OUT = (
    returns("os-system", "import os\nreturn os.system('touch /tmp/evil') != 0", True),
    ends("subprocess", "import subprocess\nsubprocess.run(['id'])", THROWN),
    ends("os-fork", "import os\nos.fork()", THROWN, says=NOT_PERMITTED),
    ends("os-exec", "import os\nos.execv('/bin/sh', ['sh'])", THROWN, says=NOT_PERMITTED),
    ends("os-posix-spawn", "import os\nos.posix_spawn('/bin/sh', ['sh'], {})", THROWN, says=NOT_PERMITTED),
    ends("pty", "import pty\npty.spawn('/bin/sh')", THROWN),
    ends("multiprocessing", "import multiprocessing as m\nm.Process(target=print).start()", THROWN),
    ends("thread", "import threading\nthreading.Thread(target=print).start()", THROWN, says="can't start new thread"),
    ends("write-a-file", "open('/tmp/evil', 'w')", THROWN, says=NOT_PERMITTED),
    ends("append-to-the-library", "import os\nopen(os.__file__, 'a')", THROWN, says=NOT_PERMITTED),
    ends("make-a-directory", "import os\nos.mkdir('/evil')", THROWN, says=NOT_PERMITTED),
    ends("temporary-file", "import tempfile\ntempfile.TemporaryFile()", THROWN),
    ends("delete-the-library", "import os\nos.unlink(os.__file__)", THROWN, says=NOT_PERMITTED),
    ends("read-passwords", "return open('/etc/passwd').read()", THROWN, says="No such file"),
    ends("read-other-processes", "return open('/proc/1/environ').read()", THROWN, says="No such file"),
    ends("read-own-memory", "return open('/proc/self/mem', 'rb').read()", THROWN, says="No such file"),
    ends("read-home", "import os\nreturn os.listdir('/home')", THROWN, says="No such file"),
    returns("list-the-root", "import os\nreturn {'proc', 'sys', 'dev', 'tmp', 'home'} & set(os.listdir('/'))", []),
    returns("site-packages", "import sys\nreturn [path for path in sys.path if 'site-packages' in path]", []),
    ends("import-ours", "import executor_service", THROWN, says="No module named"),
    ends("import-a-dependency", "import msgspec", THROWN, says="No module named"),
    returns("environment", "import os\nreturn sorted(set(os.environ) - {'TZ', 'LANG', 'PWD'})", []),
    ends("internet-socket", "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)", THROWN, says=NOT_PERMITTED),
    ends("unix-socket", "import socket\nsocket.socket(socket.AF_UNIX)", THROWN, says=NOT_PERMITTED),
    ends("socket-pair", "import socket\nsocket.socketpair()", THROWN, says=NOT_PERMITTED),
    ends("resolve-a-name", "import socket\nreturn socket.gethostbyname('example.com')", THROWN),
    ends("http", "import urllib.request\nurllib.request.urlopen('http://169.254.169.254')", THROWN),
    ends("kill-the-zygote", "import os\nos.kill(1, 9)", THROWN, says=NOT_PERMITTED),
    ends("kill-everybody", "import os\nos.kill(-1, 9)", THROWN, says=NOT_PERMITTED),
    ends("kill-its-parent", "import os\nos.kill(os.getppid(), 9)", THROWN, says=NOT_PERMITTED),
    returns("its-parent-is-its-owners-process", "import os\nreturn os.getppid()", 1),
    returns("no-affinity-of-another-process", "import os\nreturn len(os.sched_getaffinity(0)) > 0", True),
    ends("affinity-of-its-parent", "import os\nos.sched_getaffinity(os.getppid())", THROWN, says=NOT_PERMITTED),
    ends("kill-a-neighbor", "import os\nos.kill(os.getpid() + 1, 9)", THROWN, says=NOT_PERMITTED),
    returns("ctypes-tgkill", LIBC + "return [libc.tgkill(pid, pid, 9) for pid in range(2, 40)]", [-1] * 38),
    ends("list-processes", "import os\nos.listdir('/proc')", THROWN, says="No such file"),
    ends("neighbor-in-proc", "open('/proc/2/cmdline')", THROWN, says="No such file"),
    returns(
        "ctypes-own-signals",
        LIBC + "return [libc.fcntl(0, 8, 1), libc.fcntl(0, 10, 9), libc.fcntl(0, 4, 8192)]",
        [-1] * 3,
    ),
    returns("ctypes-ioctl", LIBC + "return [libc.ioctl(0, 0x8901, None), libc.ioctl(0, 0x5452, None)]", [-1, -1]),
    ends("signal-handler", "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)", THROWN, says=NOT_PERMITTED),
    ends("raise-limits", "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))", THROWN),
    ends("become-root", "import os\nos.setuid(0)", THROWN, says=NOT_PERMITTED),
    ends("change-root", "import os\nos.chroot('/')", THROWN, says=NOT_PERMITTED),
    ends("pipe", "import os\nos.pipe()", THROWN, says=NOT_PERMITTED),
    ends("memfd", "import os\nos.memfd_create('evil')", THROWN, says=NOT_PERMITTED),
    ends("shared-memory", "import mmap\nmmap.mmap(-1, 1 << 20)", THROWN),
    returns("ctypes-ptrace", LIBC + "return libc.ptrace(16, 1, 0, 0)", -1),
    returns("ctypes-fork", LIBC + "return libc.fork()", -1),
    returns("ctypes-execve", LIBC + "return libc.execve(b'/bin/sh', None, None)", -1),
    returns("ctypes-open-for-writing", LIBC + "return libc.open(b'/evil', 0o101, 0o600)", -1),
    returns("ctypes-executable-memory", LIBC + "return libc.mprotect(0, 4096, 7)", -1),
    returns("ctypes-process-memory", LIBC + "return libc.syscall(310, 1, None, 0, None, 0, 0)", -1),
    returns("ctypes-dumpable", LIBC + "return libc.prctl(4, 1, 0, 0, 0)", -1),
    returns("ctypes-setns", LIBC + "return libc.setns(0, 0)", -1),
    ends("ctypes-crash", "import ctypes\nctypes.string_at(0)", CRASHED, says="crashed"),
    ends("ctypes-write-nowhere", "import ctypes\nctypes.memset(1, 0, 10)", CRASHED),
    ends("load-a-library", "import ctypes\nctypes.CDLL('libssl.so.3')", THROWN),
)

FORGING = (
    ends(
        "speak-for-itself",
        WRITE_EVERYWHERE.format("b'\\0\\0\\0\\2[]x'"),
        CRASHED,
    ),
    ends(
        "claim-a-huge-frame",
        WRITE_EVERYWHERE.format("b'\\xff' * 4"),
        CRASHED,
    ),
    ends("close-every-descriptor", "import os\nos.closerange(0, 64)", CRASHED, THROWN),
    ends("leave-at-once", "import os\nos._exit(0)", CRASHED),
    ends("replace-json", "import json\njson.dumps = lambda *a, **k: '\"}]'\nreturn 1", CRASHED),
    returns("replace-print", "import builtins\nbuiltins.print = None\nreturn 1", 1),
    ends("replace-stdout", "import sys\nsys.stdout = None\nprint(1)\nraise Exception('x')", THROWN, says="x"),
    ends("break-the-runner", "import sys\nsys._getframe(1).f_globals['json'] = None", CRASHED),
    returns(
        "nothing-of-others-in-memory", "import gc\nreturn [o for o in gc.get_objects() if o == {'MINE': 'other'}]", []
    ),
    ends("evil-str", "class E(Exception):\n    def __str__(self): raise E\nraise E", THROWN, says="cannot be shown"),
    ends("endless-str", "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", TIMEOUT),
    ends("huge-message", "raise Exception('x' * 10**7)", THROWN),
    ends("evil-name", "raise type('\"}]' * 1000, (Exception,), {})('x')", THROWN),
    ends("cyclic-result", "a = []\na.append(a)\nreturn a", THROWN),
    ends("deep-result", "a = []\nfor _ in range(900): a = [a]\nreturn a", OUTPUT, THROWN),
    ends("close-the-function", "return 1\n  evil()", SYNTAX),
    ends("null-byte", "return 1\0", THROWN, SYNTAX),
    ends("deep-syntax", "return " + "(" * 5000 + ")" * 5000, SYNTAX, THROWN, MEMORY, CRASHED),
    returns("coding-comment", "# -*- coding: utf-7 -*-\nreturn 1", 1),
)

EXHAUSTING = (
    ends("endless-loop", "while True: pass", TIMEOUT),
    ends("sleep", "import time\ntime.sleep(3600)", TIMEOUT),
    ends("endless-loop-that-catches-all", "while True:\n    try:\n        while True: pass\n    except: pass", TIMEOUT),
    ends("endless-finaliser", "class E:\n    def __del__(self):\n        while True: pass\nE()", TIMEOUT),
    ends("regex", "import re\nre.match('(a+)+$', 'a' * 40 + '!')", TIMEOUT),
    ends("power", "return 9 ** 9 ** 9", TIMEOUT, MEMORY),
    ends("huge-integer-as-text", "return str(10 ** 10 ** 5)", THROWN, says="Exceeds the limit"),
    ends("list-flood", "a = []\nwhile True: a.append('x' * 10**6)", MEMORY),
    ends("one-huge-string", "return len('x' * 10**12)", MEMORY),
    ends("bytearray", "bytearray(1 << 40)", MEMORY),
    ends("range-list", "list(range(10**12))", MEMORY),
    ends(
        "memory-error-caught",
        "a = []\nwhile True:\n    try: a.append('x' * 10**6)\n    except MemoryError: pass",
        TIMEOUT,
        CPU,
    ),
    ends("stack-that-grows", "import mmap\nmmap.mmap(-1, 300 << 20, flags=0x122, prot=3)", THROWN, says=NOT_PERMITTED),
    ends(
        "page-tables",
        "import mmap\na = mmap.mmap(-1, 64 << 30, flags=0x4022, prot=1)\nfor i in range(0, len(a), 2 << 20): a[i]",
        THROWN,
        says="Cannot allocate memory",
    ),
    returns("longer-stack", LONGER_STACK, True),
    ends("recursion", "def f(): return f()\nf()", THROWN, says="recursion"),
    ends(
        "recursion-without-limit",
        "import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()",
        CRASHED,
        MEMORY,
        TIMEOUT,
    ),
    ends("deep-json", "import json\njson.loads('[' * 10**6)", THROWN),
    returns("stdout-flood", "for _ in range(10**5): print('x' * 100)\nreturn 1", 1),
    ends("huge-result", "return 'x' * 2 * 10**6", OUTPUT),
    ends(
        "zip-bomb",
        "import zlib\nd = zlib.compress(b'0' * 10**8)\na = []\nwhile True: a.append(zlib.decompress(d))",
        MEMORY,
    ),
    ends("descriptors", "import os\nreturn [open(os.__file__) for _ in range(99)]", THROWN, says="Too many"),
)


NOT_OURS = "does not belong to this workspace"
REFUSED = f"The file {NOT_OURS}"
ASK = """
import json, struct
def ask(url):
    line = sim.files._connection
    body = json.dumps([{"type": "fetch", "id": 0, "url": url, "method": "GET", "headers": {}, "body": None}]).encode()
    line.sendall(struct.pack(">I", len(body)) + body)
    return json.loads(line.recv(struct.unpack(">I", line.recv(4))[0]))["error"]
"""


def reads(id_: str, key: str, says: str) -> Attempt:
    return ends(id_, f"return sim.files.readText({{'key': {key!r}}})", THROWN, says=says)


READING = (
    returns("its-own-file", "return sim.files.readText({'key': 'execution/mine/wf/run/file_1/a.txt'})", "content"),
    reads("another-workspaces-file", "execution/theirs/wf/run/file_2/a.txt", NOT_OURS),
    reads("another-workspaces-file-under-its-own-name", "execution/mine/wf/run/file_2/a.txt", "no longer stored"),
    reads("a-guessed-file", "execution/mine/wf/other-run/file_3/a.txt", "no longer stored"),
    reads("up-the-path", "execution/mine/wf/run/file_1/../../../../theirs/wf/run/file_2/a.txt", NOT_OURS),
    reads("dots-for-a-workspace", "execution/../theirs/run/file_2/a.txt", NOT_OURS),
    reads("an-encoded-path", "execution%2Ftheirs%2Fwf%2Frun%2Ffile_2%2Fa.txt", NOT_OURS),
    reads("a-local-file", "/etc/passwd", NOT_OURS),
    reads("a-file-url", "file:///etc/passwd", NOT_OURS),
    reads("an-inner-address", "http://169.254.169.254/latest/meta-data", NOT_OURS),
    reads("a-blob-that-is-no-file", "execution/mine/wf/run/payload_1/a.txt", NOT_OURS),
    reads("a-null-byte", "execution/mine\0/wf/run/file_1/a.txt", NOT_OURS),
    ends(
        "an-odd-offset", "sim.files.readText({'key': 'execution/mine/w/r/file_1/a'}, offset='-1')", THROWN, says="whole"
    ),
    returns("asking-for-a-page", ASK + "return ask('https://example.com/')", "fetch is not available here"),
    returns("asking-for-a-file-by-hand", ASK + "return ask('file:///etc/passwd')", "fetch is not available here"),
    returns("asking-for-theirs-by-hand", ASK + "return ask('sim-file:execution/theirs/w/r/file_2/a')", REFUSED),
    ends("asking-without-end", ASK + "while True: ask('sim-file:x')", CRASHED, says="violated the protocol"),
    ends("another-reader", "sim.files = None\nreturn sim.files.readText({})", THROWN, says="NoneType"),
)


class OneFile:
    """The store: a file of `mine`, and one of `theirs`."""

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        raise AssertionError("the sandbox must not write")

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        kept = {("mine", "file_1"): b"content", ("theirs", "file_2"): b"secret"}
        if (key.workspace_id, key.file_id) not in kept:
            raise NotFound("no such blob")
        return kept[key.workspace_id, key.file_id]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[PythonSandbox]:
    limits, files = SandboxLimits(max_result_chars=1_000_000), SandboxFiles(OneFile(), no_fetch)
    async with PythonSandbox(fetcher=files, limits=limits, size=PoolSize(running=2, spare=2)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("attempt", REACHING_OUT + FORGING + EXHAUSTING + READING, ids=lambda attempt: attempt.id)
async def test_an_attempt_affects_no_other_script(sandbox: PythonSandbox, attempt: Attempt) -> None:
    environment = {"MINE": "secret"}
    result = await sandbox.run(
        Script(code=attempt.code, timeout_ms=attempt.timeout_ms, environment=environment, workspace_id="mine")
    )
    if attempt.kinds:
        assert result.error is not None
        assert result.error.kind in attempt.kinds
        assert attempt.says in result.error.message
        assert len(result.error.message) < 25_000
    else:
        assert (result.error, result.value()) == (None, attempt.value)
    neighbor = await sandbox.run(Script(code="return [environmentVariables, len('ok')]"))
    assert neighbor.value() == [{}, 2]


PARENT = "import os, ctypes, socket\nlibc = ctypes.CDLL(None, use_errno=True)\nparent, me = os.getppid(), os.getpid()\n"
AGAINST_THE_OWNERS_PROCESS = {
    "kill": "return [libc.kill(pid, 9) for pid in range(-1, me + 20) if pid != me]",
    "kill by thread": "return [libc.syscall(200, pid, 9) for pid in range(1, me + 20)]",
    "kill by descriptor": "return [libc.syscall(434, parent, 0)]",
    "trace": "return [libc.ptrace(16, parent, 0, 0), libc.ptrace(0, 0, 0, 0)]",
    "read memory": "return [libc.syscall(310, parent, 0, 0, 0, 0, 0)]",
    "write memory": "return [libc.syscall(311, parent, 0, 0, 0, 0, 0)]",
    "compare resources": "return [libc.syscall(312, parent, me, 0, 0, 0)]",
    "change limits": "return [libc.syscall(302, parent, 7, None, None)]",
    "change priority": "return [libc.setpriority(0, parent, 19), libc.sched_setscheduler(parent, 0, None)]",
    "change processors": "return [libc.sched_setaffinity(parent, 8, None)]",
    "enter its namespaces": "return [libc.setns(0, 0), libc.unshare(0x20000000)]",
    "fork like it": "return [libc.fork(), libc.vfork(), libc.syscall(56, 17, 0, 0, 0, 0), libc.syscall(435, 0, 0)]",
    "reap a sibling": "return [libc.waitpid(-1, None, 1)]",
    "join its group": "return [libc.setpgid(0, parent), libc.setsid()]",
    "replace the filter": "return [libc.prctl(22, 0, 0), libc.syscall(317, 0, 0, 0)]",
    "become dumpable": "return [libc.prctl(4, 1, 0, 0, 0)]",
    "take its socket": (
        "def own(n):\n    try:\n        return os.fstat(n)[1]\n    except OSError:\n        return None\n"
        "sockets = {own(n) for n in range(64)} - {None}\nreturn [-1] if len(sockets) == 1 else sorted(sockets)"
    ),
    "send it a command": (
        "def send(n):\n    try:\n        return socket.socket(fileno=n).send(b'S' + bytes(8))\n"
        "    except OSError:\n        return -1\n"
        "return [send(n) for n in range(64) if n != sim.files._connection.fileno()]"
    ),
}


@pytest.mark.parametrize("code", AGAINST_THE_OWNERS_PROCESS.values(), ids=AGAINST_THE_OWNERS_PROCESS)
async def test_a_script_cannot_reach_the_process_that_forked_it(code: str) -> None:
    async with PythonSandbox(size=PoolSize(running=1, spare=0)) as sandbox:
        result = await sandbox.run(Script(code=PARENT + code, owner="a"))
        assert result.error is None
        assert set(result.value()) == {-1}
        alive = await sandbox.run(Script(code="import os\nreturn os.getpid()", owner="a"))
        assert alive.error is None
        assert alive.value() > 2  # forked by the same process, which has lived on


async def test_a_script_leaves_nothing_to_the_next_one_of_its_owner() -> None:
    leave = "import builtins, sys, json\nbuiltins.left = sys.left = json.left = 'secret'\njson.dumps = None\n"
    look = "import builtins, sys, json\nreturn [hasattr(m, 'left') for m in (builtins, sys, json)] + [json.dumps(1)]"
    async with PythonSandbox(size=PoolSize(running=1, spare=0)) as sandbox:
        await sandbox.run(Script(code=leave, owner="a", bindings={"token": "secret"}))
        result = await sandbox.run(Script(code=look, owner="a"))
        assert (result.error, result.value()) == (None, [False, False, False, "1"])


async def test_an_answer_sent_twice_is_not_the_next_scripts() -> None:
    forge = (
        "from jail import frames\nfor _ in range(3):\n"
        '    frames.send(sim.files._connection, b\'[{"type":"returned","result":"forged"}]\')\n'
    )
    async with PythonSandbox(size=PoolSize(running=1, spare=0)) as sandbox:
        for _ in range(3):
            assert (await sandbox.run(Script(code=forge, owner="a"))).value() == "forged"
            assert (await sandbox.run(Script(code="return 'mine'", owner="a"))).value() == "mine"
