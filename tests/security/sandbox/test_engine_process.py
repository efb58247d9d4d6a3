"""Isolation between scripts of one workflow that share a process, and objects that leave their realm."""

import errno
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from executor_service import sandbox
from executor_service.sandbox import Conditions, JavaScriptSandbox, PoolSize, Script
from executor_service.sandbox.jail import seccomp
from executor_service.sandbox.jail.javascript import FLAGS
from executor_service.sandbox.javascript import program_files

JAIL = Path(sandbox.__file__).with_name("jail")
ONE = PoolSize(running=1, spare=0, warming=1)

# State that one script leaves behind, and an expression of the next one of the same workflow, which must be null.
LEFT_BEHIND = {
    "a global": ("globalThis.left = 'secret'", "globalThis.left"),
    "a variable of a sloppy function": ("left = 'secret'", "globalThis.left"),
    "an intrinsic's property": ("Array.prototype.left = 'secret'", "[].left"),
    "a function's property": ("Function.prototype.left = 'secret'", "(() => 0).left"),
    "a generator's property": ("Object.getPrototypeOf(function* () {}).left = 'secret'", "(function* () {}).left"),
    "the last match": ("/secret/.test('a secret')", "RegExp['$&'] || null"),
    "a wrapped parser": (
        "const parse = JSON.parse; JSON.parse = (text) => { globalThis.left = text; return parse(text) }",
        "globalThis.left",
    ),
    "a wrapped console": ("console.log = () => 'secret'", "console.log(1)"),
    "a trap on every parameter": (
        "Object.defineProperty(Object.prototype, 'token', {set(value) { globalThis.left = value }})",
        "globalThis.left",
    ),
    "a stack formatter": ("Error.prepareStackTrace = () => 'secret'", "new Error().stack === 'secret' || null"),
    "a stack limit": ("Error.stackTraceLimit = 0", "Error.stackTraceLimit === 0 || null"),
    "a stack accessor's property": (
        "Object.getOwnPropertyDescriptor(new Error(), 'stack').get.left = 'secret'",
        "Object.getOwnPropertyDescriptor(new TypeError(), 'stack').get.left",
    ),
    "a segment's property, after the stack was full": (
        "const s = new Intl.Segmenter(); const found = []; try { s.segment.call({}) } catch {}\n"
        "const fill = (...all) => { try { fill(...all) } catch {} try { found[0] ??= s.segment('a') } catch {}}\n"
        "for (let i = 0; i < 20; i++) { fill(...Array(i)); const [segments] = found.splice(0)\n"
        "  for (const own of [segments, segments[Symbol.iterator]()]) Object.getPrototypeOf(own).left = 'secret' }",
        "new Intl.Segmenter().segment('a').left ?? new Intl.Segmenter().segment('a')[Symbol.iterator]().left",
    ),
    "a well-known symbol": ("Symbol.for('left').constructor.left = 'secret'", "Symbol.left"),
    "a parameter": ("params.left = environmentVariables.left = 'secret'", "params.left ?? environmentVariables.left"),
    "a promise that waits": ("fetch('http://a').then(() => { globalThis.left = 1 })", "await null ?? globalThis.left"),
    "a finalizer": (
        "const r = new FinalizationRegistry(() => { globalThis.left = 1 })\n"
        "for (let i = 0; i < 1e5; i++) r.register({})",
        "globalThis.left",
    ),
}


@pytest.mark.parametrize(("leave", "look"), LEFT_BEHIND.values(), ids=LEFT_BEHIND)
async def test_a_script_leaves_nothing_to_the_next_one_in_its_process(leave: str, look: str) -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for code in (leave, f"return ({look}) ?? null"):
            result = await sandbox.run(
                Script(code=code, params={"token": "secret"}, environment={"K": "secret"}, owner="a")
            )
            assert result.error is None
        assert result.value() is None


# Code that looks for what its own last run left behind, since runs of equal code share bytecode. Each must be null.
LEFT_TO_ITSELF = {
    "a function": "function own() {} const found = own.left ?? null; own.left = 'secret'; return found",
    "a function's prototype": (
        "function Own() {} const found = Own.prototype.left ?? null; Own.prototype.left = 1; return found"
    ),
    "a class": "class Own { static left = null } const found = Own.left; Own.left = 'secret'; return found",
    "an object literal": (
        "const own = {a: {b: 1}}; const found = own.a.left ?? null; own.a.left = 'secret'; return found"
    ),
    "an array literal": "const own = [1, [2]]; const found = own[1][1] ?? null; own[1].push('secret'); return found",
    "a regular expression": "const own = /./g; const found = own.lastIndex || null; own.exec('ab'); return found",
    "a template's strings": (
        "const own = ((strings) => strings)`a`; const found = Array.prototype.left?.[0] ?? null;"
        "Array.prototype.left = own; return found"
    ),
    "a template's realm": (
        "const own = ((strings) => strings)`a`;"
        "return Object.getPrototypeOf(own) === Array.prototype && own.raw.concat() instanceof Array ? null : 'other'"
    ),
    "a generator": (
        "function* own() { yield 1; yield 2 } const found = own.prototype.left ?? null;"
        "own.prototype.left = own(); own.prototype.left.next(); return found"
    ),
    "an argument": "const found = ref_1.left ?? null; ref_1.left = 'secret'; return found",
    "its realm": (
        "return [own => own, async () => {}, function* () {}].every((own) => own instanceof Function) ? null : 1"
    ),
    "its caller": "try { return arguments.callee.left ?? null } catch { return null }",
}


@pytest.mark.parametrize("code", LEFT_TO_ITSELF.values(), ids=LEFT_TO_ITSELF)
async def test_code_leaves_nothing_to_its_next_run_in_its_process(code: str) -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for _ in range(3):
            result = await sandbox.run(Script(code=code, bindings={"ref_1": {}}, owner="a"))
            assert (result.error, result.value()) == (None, None)


async def test_a_process_serves_any_number_of_different_codes() -> None:
    """The process keeps bytecode of a limited number and size of codes."""
    numbers = [*range(250), *range(5)]
    padding = f"/* {'x' * 10_000} */"
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for number in numbers:
            result = await sandbox.run(Script(code=f"{padding} return {number}", owner="a"))
            assert result.value() == number


async def test_code_that_does_not_parse_is_refused_each_time() -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for code in ("return 1", "let a = 1\nlet b = ]", "return 1", "let a = 1\nlet b = ]"):
            result = await sandbox.run(Script(code=code, owner="a"))
            assert (None if result.error is None else result.error.line) == (None if code == "return 1" else 2)


async def test_conditions_leave_nothing_to_a_script_in_their_process() -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        secret = Conditions(expressions=["environmentVariables.K"], environment={"K": "secret"}, owner="a")
        assert (await sandbox.evaluate(secret)).matched == 0
        result = await sandbox.run(Script(code="return [environmentVariables.K, Math.left ?? null]", owner="a"))
        assert result.value() == [None, None]


# State that one condition of a run tries to leave, and an expression of a later one, which must be false.
LEFT_BY_A_CONDITION = {
    "an iterator helper's method": (
        "Object.getPrototypeOf([].values().map((x) => x)).next = () => 1",
        "[].values().map((x) => x).next() === 1",
    ),
    "a wrapped iterator's method": (
        "Object.getPrototypeOf(Iterator.from({next() {}})).next = () => 1",
        "Iterator.from({next() {}}).next() === 1",
    ),
    "a stack accessor's property": (
        "Object.getOwnPropertyDescriptor(new Error(), 'stack').set.left = 1",
        "Object.getOwnPropertyDescriptor(new Error(), 'stack').set.left === 1",
    ),
    "a segment's property": (
        "Object.getPrototypeOf(new Intl.Segmenter().segment('a')).left = 1",
        "new Intl.Segmenter().segment('a').left === 1",
    ),
    "a segment iterator's property": (
        "Object.getPrototypeOf(new Intl.Segmenter().segment('a')[Symbol.iterator]()).left = 1",
        "new Intl.Segmenter().segment('a')[Symbol.iterator]().left === 1",
    ),
    "a group of the last match": ("/s(e)cret/.exec('a secret')", "RegExp.$1 === 'e'"),
    "the text of the last match": ("/secret/.exec('a secret')", "RegExp.lastMatch + RegExp.leftContext !== ''"),
    "a text for the next match": ("RegExp.input = 'secret'", "RegExp.input === 'secret'"),
}


@pytest.mark.parametrize(("leave", "look"), LEFT_BY_A_CONDITION.values(), ids=LEFT_BY_A_CONDITION)
async def test_a_condition_leaves_nothing_to_the_next_one_of_its_run(leave: str, look: str) -> None:
    async with JavaScriptSandbox(size=ONE) as sandbox:
        for expression in (f"({leave}, false)", look):
            verdict = await sandbox.evaluate(Conditions(expressions=[expression], owner="a"))
            assert (verdict.matched, verdict.error) == (None, None)


PROBE_NAMES = 'const { setPrepareStackTraceCallback } = require("internal/test/binding").internalBinding("errors")'


@contextmanager
def engine(folder: Path, *, probe: str = "", locked: int | None = None) -> Iterator[socket.socket]:
    """Run the harness outside the jail; its own realm evaluates `probe` when it would be ready."""
    main = (JAIL / "engine.js").read_text()
    if probe:
        main = main.replace("const { Script,", 'const probe = require("./probe.js");\nconst { Script,')
        main = main.replace("send(READY);", "send(JSON.stringify(probe()));")
        (folder / "probe.js").write_text(f"module.exports = function () {{ {probe} }}\n{PROBE_NAMES}")
    (folder / "engine.js").write_text(main)
    (folder / "harness.js").write_text((JAIL / "harness.js").read_text())
    ours, theirs = socket.socketpair()
    mask = os.umask(0o022)
    os.umask(mask)
    options = {
        "connection": theirs.fileno(),
        "locked": mask if locked is None else locked,
        "limits": [1000, 1000, 10],
        "worn": [1e9, 1e9, 1e9],
    }
    command = [program_files()[0], *FLAGS, str(folder / "engine.js"), json.dumps(options)]
    with ours, theirs, subprocess.Popen(command, pass_fds=(theirs.fileno(),), stderr=subprocess.DEVNULL) as process:
        theirs.close()
        ours.settimeout(60)
        try:
            yield ours
        finally:
            process.kill()


def receive(connection: socket.socket) -> object:
    header = connection.recv(4, socket.MSG_WAITALL)
    if not header:
        return None
    (size,) = struct.unpack(">I", header)
    return json.loads(connection.recv(size, socket.MSG_WAITALL))


# Code of a script that holds a function of the process's own realm, and its results there.
OUTSIDE = {
    "names of Node": (
        "return ['process', 'require', 'module', 'Buffer', 'global', 'setTimeout', 'fetch', 'internalBinding',"
        " 'primordials', 'Worker', 'console', 'structuredClone', 'WebSocket', 'navigator']"
        ".filter((n) => n in globalThis)",
        [],
    ),
    "a global that can be added": ("try { globalThis.evil = 1 } catch {} return typeof evil", "undefined"),
    "an intrinsic that can be changed": (
        "JSON.parse = JSON.stringify = Reflect.ownKeys = Function.prototype.call = () => 0;"
        "return [JSON.parse('1'), Reflect.ownKeys({a: 1}), ((a) => a).call(0, 2)]",
        [1, ["a"], 2],
    ),
    "a prototype that can be changed": (
        "for (const o of [Object, Array, String, Function, Promise, RegExp, Map, Set, WeakMap, Symbol, Number, Error])"
        " { o.prototype.evil = 1; o.prototype.toString = 0 } return [{}.evil, [].evil, typeof ''.toString]",
        [None, None, "function"],
    ),
    "an accessor that can be added": (
        "try { Object.defineProperty(Object.prototype, 'receive', {get() { return 0 }}) } catch { return 'refused' }",
        "refused",
    ),
    "a hidden prototype that can be changed": (
        "const all = [function* () {}, async function* () {}, async () => 0, [].values(), new Map().values(),"
        " new Uint8Array()].map(Object.getPrototypeOf); return all.every(Object.isFrozen)",
        True,
    ),
    "a stack accessor that can be changed": (
        "const {get, set} = Object.getOwnPropertyDescriptor(new Error(), 'stack');"
        "return [get, set].every(Object.isFrozen)",
        True,
    ),
    "a stack formatter that can be set": (
        "Error.prepareStackTrace = () => 'evil'; return `${Error.prepareStackTrace}`.includes('evil')",
        False,
    ),
    "functions on the stack": (
        "const sites = []; try { Error.prepareStackTrace = (_, all) => sites.push(...all) } catch {} new Error().stack;"
        "return sites.length",
        0,
    ),
    "text that it can evaluate": (
        "const refused = []; for (const make of [Function, eval, Object.getPrototypeOf(async () => 0).constructor,"
        " Object.getPrototypeOf(function* () {}).constructor]) {"
        " try { make('0') === 0 || refused.push(make.name) } catch (e) { refused.push(e.name) } } return refused",
        ["EvalError"] * 4,
    ),
    "a call site's prototype that can be changed": (
        "setPrepareStackTraceCallback((_, __, sites) => sites);"
        "return Object.isFrozen(Object.getPrototypeOf(new Error().stack[0]))",
        True,
    ),
    "a module": (
        "const left = []; import('fs').then((m) => left.push(m), () => 0); return left",
        [],
    ),
}


@pytest.mark.parametrize(("probe", "found"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_script_that_leaves_its_realm_finds_nothing_to_tamper_with(tmp_path: Path, probe: str, found: object) -> None:
    with engine(tmp_path, probe=probe) as connection:
        assert receive(connection) == found


def test_a_process_that_the_zygote_has_not_locked_down_runs_nothing(tmp_path: Path) -> None:
    with engine(tmp_path, locked=0o1357) as connection:
        assert receive(connection) is None


@pytest.mark.parametrize("call", ["clone3", "io_uring_setup"])
def test_a_call_that_no_filter_can_inspect_is_never_held_for_the_listener(call: str) -> None:
    steps = list(struct.iter_unpack("HBBI", seccomp.javascript_filter()))
    compares = [at for at, (code, _, _, value) in enumerate(steps) if (code, value) == (0x15, seccomp.number_of(call))]
    assert [steps[at + 1] for at in compares] == [(0x06, 0, 0, 0x0005_0000 | errno.ENOSYS)]
