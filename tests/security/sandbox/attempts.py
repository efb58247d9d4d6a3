"""Attacks by hostile JavaScript, one entry per attempt, with the expected result.

An attempt ends in a value, or in an error of one of the given kinds. Nothing else may happen: the process ends
afterwards, and the next script finds a pristine context (the test checks that).
"""

from dataclasses import dataclass

from executor_service.sandbox import ErrorKind

TIMEOUT, MEMORY, THROWN = ErrorKind.TIMEOUT, ErrorKind.MEMORY, ErrorKind.THROWN
SYNTAX, OUTPUT, STALLED, CRASHED = ErrorKind.SYNTAX, ErrorKind.OUTPUT, ErrorKind.STALLED, ErrorKind.CRASHED


@dataclass(frozen=True)
class Attempt:
    """`value` is the result of a harmless attempt; `kinds` are the errors that it may end in."""

    id: str
    code: str
    value: object = None
    kinds: tuple[ErrorKind, ...] = ()
    says: str = ""
    timeout_ms: int = 60_000


def returns(id_: str, code: str, value: object) -> Attempt:
    return Attempt(id_, code, value=value)


def ends(id_: str, code: str, *kinds: ErrorKind, says: str = "") -> Attempt:
    """Return an attempt. Those that may run into their time limit get a short one; the others get enough for a slow
    machine."""
    return Attempt(id_, code, kinds=kinds, says=says, timeout_ms=250 if TIMEOUT in kinds else 60_000)


REACHING_OUT = (
    returns(
        "process-through-constructor",
        "return typeof this.constructor.constructor('return this')().process",
        "undefined",
    ),
    returns("global-through-function", "return typeof Function('return this')().require", "undefined"),
    returns(
        "python-through-callback-constructor",
        "return typeof console.log.constructor('return globalThis')().py",
        "undefined",
    ),
    returns(
        "realm-through-fetch-constructor",
        "return fetch.constructor.constructor('return globalThis')() === globalThis",
        True,
    ),
    returns(
        "realm-through-response",
        "const r = await fetch('http://a'); return r.constructor.constructor('return globalThis')() === globalThis",
        True,
    ),
    ends(
        "caller-of-user-code", "function f() { return f.caller.caller } return f()", THROWN, says="may not be accessed"
    ),
    returns("arguments-hold-only-bindings", "return [...arguments]", ["secret"]),
    ends("callee-caller", "return arguments.callee.caller.toString()", THROWN),
    ends("dynamic-import-of-a-file", "return await import('file:///etc/passwd')", THROWN),
    ends("dynamic-import-of-a-module", "return await import('fs')", THROWN),
    ends("require", "return require('child_process').execSync('id')", THROWN, says="require is not defined"),
    ends("deno", "return Deno.readTextFileSync('/etc/passwd')", THROWN, says="Deno is not defined"),
    ends("d8-read", "return read('/etc/passwd')", THROWN, says="read is not defined"),
    ends("d8-quit", "quit()", THROWN, says="quit is not defined"),
    ends("d8-worker", "new Worker('postMessage(1)', {type: 'string'})", THROWN, says="Worker is not defined"),
    ends("xml-http-request", "new XMLHttpRequest()", THROWN),
    ends("native-syntax", "return %GetOptimizationStatus(() => 1)", SYNTAX),
    ends("webassembly", "new WebAssembly.Memory({initial: 1})", THROWN, says="WebAssembly is not defined"),
    ends("shared-memory", "new SharedArrayBuffer(8)", THROWN, says="SharedArrayBuffer is not defined"),
    ends("atomics-wait", "Atomics.wait(new Int32Array(8), 0, 0)", THROWN, says="Atomics is not defined"),
    returns("shadow-realm", "return typeof ShadowRealm", "undefined"),
    returns(
        "fresh-iterator-prototypes-hold-no-host-object",
        "return Object.getOwnPropertyNames(globalThis).filter(n => /native|python|racer|socket|frame|post/i.test(n))",
        [],
    ),
)

BREAKING_OUT_OF_THE_WRAPPER = (
    ends("close-the-function", "}); globalThis.evil = 1; (async () => {", SYNTAX),
    ends("close-the-function-quietly", "}\nglobalThis.evil = 1\n{", SYNTAX),
    ends("close-with-a-comment", "*/ }); evil(); /*", SYNTAX),
    ends("close-the-parameters", "){}, evil(), async function(", SYNTAX),
    ends("template-literal", "`", SYNTAX),
    ends("open-block-comment", "return 1 /*", SYNTAX),
    ends("await-in-parameters", "}, (x = await fetch('http://a')) => {", SYNTAX),
    ends("export", "export default 1", SYNTAX),
    ends("static-import", "import fs from 'fs'", SYNTAX),
    returns("html-comment", "<!-- evil\nreturn 1", 1),
    returns("line-separators", "return 1 //\u2028; return 2", 1),
    returns("hashbang-like-text", "/*#!*/ return 1", 1),
    returns("source-url", "//# sourceURL=/etc/passwd\nreturn 1", 1),
    returns("source-map", "//# sourceMappingURL=file:///etc/passwd\nreturn 1", 1),
    returns("zero-bytes", "return 'a\0b'.length", 3),
    returns("escaped-surrogate", "return '\\ud800'.length", 1),
)

POISONING = (
    returns("promise-then", "Promise.prototype.then = () => { throw 1 }; return 'mine'", "mine"),
    ends(
        "promise-species",
        "Object.defineProperty(Promise, Symbol.species, {get() { throw new Error('mine') }}); return 1",
        THROWN,
        says="mine",
    ),
    returns("json-stringify", "JSON.stringify = () => '[{\"type\":\"ready\"}]'; return 'mine'", "mine"),
    returns("json-parse", "JSON.parse = () => ({}); return (await (await fetch('http://a')).json()).answer", 42),
    returns(
        "array-iterator", "Array.prototype[Symbol.iterator] = () => { throw 1 }; console.log(1); return 'mine'", "mine"
    ),
    returns(
        "array-index-setter",
        "Object.defineProperty(Array.prototype, 0, {set() { throw 1 }}); console.log(1); return 'mine'",
        "mine",
    ),
    returns(
        "object-prototype-to-json",
        "Object.prototype.toJSON = () => 'all mine'; return {a: 1}",
        "all mine",
    ),
    returns(
        "string-prototype-slice", "String.prototype.slice = () => { throw 1 }; console.log('x'); return 'mine'", "mine"
    ),
    returns("function-prototype-call", "Function.prototype.call = () => { throw 1 }; return 'mine'", "mine"),
    returns(
        "function-prototype-apply",
        "Function.prototype.apply = Reflect.apply = () => { throw 1 }; return 'mine'",
        "mine",
    ),
    returns("global-this-frozen", "Object.freeze(globalThis); return 'mine'", "mine"),
    returns("delete-everything", "const g = this; for (const k of Reflect.ownKeys(g)) delete g[k]; return 1", 1),
    ends("prepare-stack-trace", "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')", TIMEOUT, THROWN),
    ends("prepare-stack-trace-object", "Error.prepareStackTrace = () => ({}); throw new Error('x')", THROWN, says="x"),
    returns(
        "proto-in-a-result",
        'return JSON.parse(\'{"__proto__": {"polluted": true}}\')',
        {"__proto__": {"polluted": True}},
    ),
    returns("object-prototype-type", "Object.prototype.type = 'fetch'; Object.prototype.id = 0; return 'mine'", "mine"),
)

FORGING_THE_PROTOCOL = (
    returns("result-that-looks-like-messages", 'return \'"},{"type":"ready"}\'', '"},{"type":"ready"}'),
    returns("to-json-with-quotes", "return {toJSON: () => '\"}],[{'}", '"}],[{'),
    returns("raw-json", "return JSON.rawJSON ? JSON.rawJSON('1') : 1", 1),
    ends("raw-json-injection", 'return JSON.rawJSON(\'1},{"type":"ready"}\')', THROWN),
    ends("error-name-injection", "const e = new Error('m'); e.name = '\",\"x\":\"'; throw e", THROWN),
    ends("error-stack-injection", "const e = new Error('m'); e.stack = '\"}]' + '\\n'.repeat(1e5); throw e", THROWN),
    returns("stdout-injection", 'console.log(\'"},{"type":"returned"}\'); return \'mine\'', "mine"),
    returns(
        "fetch-with-evil-url",
        'return (await fetch(\'"},{"type":"ready"}\')).status',
        200,
    ),
    returns(
        "fetch-with-evil-header-names",
        "return (await fetch('http://a', {headers: {'\"}': '\"', __proto__: null}})).status",
        200,
    ),
    ends(
        "fetch-options-with-getters",
        "await fetch('http://a', {get method() { throw new Error('mine') }})",
        THROWN,
        says="mine",
    ),
    ends("fetch-with-symbol-url", "await fetch(Symbol('x'))", THROWN),
    ends("fetch-with-proxy-options", "await fetch('http://a', new Proxy({}, {get() { for (;;); }}))", TIMEOUT),
    returns("thenable-that-settles-twice", "return {then(ok) { ok(1); ok(2) }}", 1),
)

ODD_ENDINGS = (
    ends("throw-null", "throw null", THROWN, says="null"),
    ends("throw-symbol", "throw Symbol('s')", THROWN, says="Symbol(s)"),
    ends("throw-bigint", "throw 10n", THROWN, says="10"),
    ends("throw-function", "throw function boom() {}", THROWN),
    ends("throw-null-prototype", "throw Object.create(null)", THROWN),
    ends("throw-proxy", "throw new Proxy({}, {get() { throw 1 }, ownKeys() { throw 2 }})", THROWN),
    ends("throw-endless-proxy", "throw new Proxy({}, {get() { for (;;); }})", TIMEOUT),
    ends(
        "throw-evil-getters",
        "throw {get message() { throw 1 }, get stack() { throw 2 }, toString() { throw 3 }}",
        THROWN,
    ),
    ends("throw-huge-message", "throw new Error('x'.repeat(1e7))", THROWN),
    ends("throw-cyclic", "const e = {}; e.e = e; throw e", THROWN),
    ends("throw-object-with-object-message", "throw {message: {evil: 1}}", THROWN),
    ends("return-cyclic", "const a = {}; a.a = a; return a", THROWN, says="circular"),
    ends("return-bigint", "return 10n", THROWN, says="BigInt"),
    ends("return-throwing-getter", "return {get a() { throw new Error('from getter') }}", THROWN, says="from getter"),
    ends("return-endless-getter", "return {get a() { for (;;); }}", TIMEOUT),
    ends("return-endless-to-json", "return {toJSON() { for (;;); }}", TIMEOUT),
    ends("return-recursive-to-json", "const a = {toJSON: () => ({a})}; return a", THROWN, says="call stack"),
    ends(
        "return-proxy-of-endless-array",
        "return new Proxy([], {get: (t, k) => k === 'length' ? 2 ** 32 : 1})",
        THROWN,
        TIMEOUT,
        MEMORY,
        OUTPUT,
    ),
    ends("return-endless-proxy", "return new Proxy({}, {ownKeys() { for (;;); }})", TIMEOUT),
    returns(
        "return-revoked-proxy-field", "const {proxy, revoke} = Proxy.revocable({}, {}); return typeof proxy", "object"
    ),
    ends("return-revoked-proxy", "const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); return proxy", THROWN),
    returns("return-function", "return () => 1", None),
    returns("return-symbol", "return Symbol('x')", None),
    ends("return-never", "return new Promise(() => {})", STALLED),
    ends("return-endless-thenable", "return {then() { for (;;); }}", TIMEOUT),
    ends("return-too-deep", "let a = {}; for (let i = 0; i < 3000; i++) a = {a}; return a", OUTPUT, says="too deeply"),
)

EXHAUSTING = (
    ends("a-result-of-many-values", "return Array(300_000).fill(0).map(() => [])", OUTPUT, says="too many values"),
    ends("endless-loop", "for (;;);", TIMEOUT),
    ends("endless-loop-in-a-microtask", "await null; for (;;);", TIMEOUT),
    ends("endless-catch", "for (;;) { try { for (;;) throw 1 } catch {} }", TIMEOUT),
    ends(
        "microtask-flood",
        "const f = () => Promise.resolve().then(f); f(); await new Promise(() => {})",
        TIMEOUT,
        MEMORY,
    ),
    ends("async-ping-pong", "(async () => { for (;;) await null })(); return 1", TIMEOUT),
    ends("catastrophic-regex", "return /^(a+)+$/.test('a'.repeat(40) + '!')", TIMEOUT),
    ends("catastrophic-replace", "return 'x'.repeat(50).replace(/(x+x+)+y/g, '')", TIMEOUT),
    ends("endless-generator", "return [...(function* () { for (;;) yield 1 })()]", MEMORY, TIMEOUT, THROWN),
    ends(
        "endless-getter-on-global",
        "Object.defineProperty(globalThis, 'x', {get() { return x }}); return x",
        THROWN,
        says="call stack",
    ),
    ends("stack-overflow", "const f = () => f(); return f()", THROWN, says="Maximum call stack size exceeded"),
    ends(
        "stack-overflow-caught-for-ever",
        "const f = () => { try { f() } finally { f() } }; f()",
        TIMEOUT,
        THROWN,
        CRASHED,
    ),
    ends("deep-json", "return JSON.parse('['.repeat(1e6))", THROWN),
    ends(
        "json-bomb",
        "let a = ['x'.repeat(1e3)]; for (let i = 0; i < 30; i++) a = [a, a]; return a",
        MEMORY,
        THROWN,
        OUTPUT,
        TIMEOUT,
    ),
    ends("huge-string", "let s = 'x'; for (;;) s += s", THROWN, says="Invalid string length"),
    ends(
        "huge-string-flattened", "let a = []; for (;;) a.push('x'.repeat(1 << 20).split('').join('y'))", MEMORY, CRASHED
    ),
    ends("huge-result", "return 'x'.repeat(2e6)", OUTPUT),
    ends("huge-array", "const a = []; for (;;) a.push({})", MEMORY),
    ends("sparse-array-result", "const a = []; a[4e9] = 1; return a", THROWN, MEMORY, TIMEOUT, OUTPUT, CRASHED),
    ends("array-fill", "return new Array(4e9).fill('x')", THROWN, MEMORY, TIMEOUT),
    ends("array-buffers", "const a = []; for (;;) a.push(new ArrayBuffer(1 << 24).slice(0))", THROWN, MEMORY, says="a"),
    ends("typed-array", "return new Uint8Array(2 ** 40)", THROWN),
    ends("map-flood", "const m = new Map(); for (let i = 0; ; i++) m.set(i, {i})", MEMORY, THROWN),
    ends(
        "closure-flood", "const a = []; for (;;) { const b = new Array(1e4).fill(0); a.push(() => b) }", MEMORY, CRASHED
    ),
    ends(
        "symbol-flood",
        "const a = []; for (let i = 0; ; i++) a.push(Symbol.for('symbol'.repeat(50) + i))",
        MEMORY,
        CRASHED,
    ),
    ends("bigint-power", "return 2n ** (2n ** 40n)", THROWN, says="BigInt"),
    ends("bigint-multiplication", "let a = 2n ** 1000000n; for (;;) a *= a", THROWN, MEMORY, TIMEOUT),
    ends("sort-that-never-ends", "return new Array(1e6).fill(0).map(Math.random).sort(() => { for (;;); })", TIMEOUT),
    ends(
        "pad-flood", "const a = []; for (;;) a.push('x'.padEnd(1e8, 'y') + a.length)", THROWN, MEMORY, CRASHED, TIMEOUT
    ),
    ends("eval-flood", "for (;;) eval('let a' + Math.random().toString(36).slice(2) + ' = 1')", TIMEOUT, MEMORY),
    ends(
        "function-flood",
        "const a = []; for (;;) a.push(Function('return ' + '1+'.repeat(1e4) + 1))",
        TIMEOUT,
        MEMORY,
        CRASHED,
    ),
    ends("intl-flood", "const a = []; for (;;) a.push(new Intl.NumberFormat('de-DE'))", MEMORY, TIMEOUT, CRASHED),
    ends("date-loop", "while (Date.now() < 8e15);", TIMEOUT),
    ends("weakref-flood", "const a = []; for (;;) a.push(new WeakRef({x: new Array(1e3).fill(1)}))", MEMORY, CRASHED),
    ends(
        "finalizer-flood",
        "const r = new FinalizationRegistry(() => { for (;;); }); for (;;) r.register({}, 1)",
        MEMORY,
        TIMEOUT,
        CRASHED,
    ),
    returns("stdout-flood", "for (let i = 0; i < 1e5; i++) console.log('x'.repeat(100)); return 1", 1),
    returns("stdout-one-huge-line", "console.log('x'.repeat(5e7)); return 1", 1),
    ends("stdout-huge-object", "console.log({toJSON() { for (;;); }})", TIMEOUT),
    ends(
        "fetch-flood",
        "await Promise.all(Array.from({length: 1e4}, (_, i) => fetch('http://a/' + i)))",
        THROWN,
        says="more than",
    ),
    ends("fetch-flood-unawaited", "for (;;) fetch('http://a').catch(() => 0)", TIMEOUT, MEMORY),
    ends(
        "fetch-huge-body", "await fetch('http://a', {method: 'POST', body: 'x'.repeat(2e8)})", THROWN, MEMORY, CRASHED
    ),
    ends(
        "fetch-huge-headers",
        "const headers = {}; for (let i = 0; i < 1e6; i++) headers['h' + i] = 'x'.repeat(100)\n"
        "await fetch('http://a', {headers})",
        CRASHED,
        MEMORY,
        TIMEOUT,
        THROWN,
    ),
)
