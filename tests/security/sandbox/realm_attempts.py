"""Attacks that look for code of another realm than the script's own."""

from tests.security.sandbox.attempts import SYNTAX, THROWN, Attempt, ends, returns

# Whether a value was created in the script's own realm, as every reachable object must be.
HOME = "const home = (value) => value.constructor.constructor('return globalThis')() === globalThis\n"
OVERFLOWING = """
const caught = []
const dive = (depth, size) => { try { CALL; dive(depth + 1, size) } catch (error) { caught.push(error) } }
for (let size = 0; size < 6; size++) {
  const nest = (n) => n ? nest(n - 1) : dive(0, size)
  nest(size)
}
return [caught.length > 0, caught.every((error) => !(error instanceof Object) || home(error))]
"""


def overflows(id_: str, call: str) -> Attempt:
    """Let a hook of the engine run out of stack: the script can catch its error."""
    return returns(f"overflow-in-{id_}", HOME + OVERFLOWING.replace("CALL", call), [True, True])


# Lists of arguments that V8 creates in the realm of the caller, and whether one of them leads to code of that realm.
SETTLED_BY_NODE = """
const lists = []
const caught = new Proxy(() => 0, {apply(...all) { lists.push(all[2]) }})
const escapes = (list) => {
  for (const kind of [list.constructor.constructor, list.map.constructor]) {
    if (kind === Function) continue
    try { kind('return globalThis')(); return true } catch {}
  }
  return false
}
"""

LEAVING_THE_REALM = (
    returns(
        "constructors-of-all-that-is-given",
        HOME + "return [console, console.log, fetch, sim, sim.files.readText, sim.values.read, params, mine,"
        " environmentVariables, arguments].every(home)",
        True,
    ),
    returns(
        "promises-of-all-that-is-given",
        HOME + "const all = [fetch('http://a'), sim.values.read(1), sim.files.readText({key: 'k'}), import('fs')]\n"
        "all.forEach((promise) => promise.catch(() => 0)); return all.every(home)",
        True,
    ),
    returns(
        "response-and-its-parts",
        HOME + "const r = await fetch('http://a'); const j = r.json(), t = r.text();"
        " return [r, r.headers, r.headers.get, j, t, await j].every(home)",
        True,
    ),
    returns(
        "errors-of-all-that-is-given",
        HOME + "const errors = []; const keep = (error) => { errors.push(error) }\n"
        "for (const call of [() => fetch(Symbol()), () => sim.files.readText(), () => import('x'),"
        " () => import({toString() { throw null }}), () => import('x', 1), () => eval('(')]) {\n"
        "  try { await call().catch(keep) } catch (error) { keep(error) }\n}\n"
        "return [errors.length, errors.every((error) => error === null || home(error))]",
        [6, True],
    ),
    returns(
        "call-sites",
        HOME + "Error.prepareStackTrace = (_, sites) => sites; const sites = new Error().stack\n"
        "return [home(sites), sites.every(home),"
        " sites.every((site) => [undefined, globalThis].includes(site.getThis())),"
        " sites.some((site) => /engine|node:/.test(`${site.getFileName()}`))]",
        [True, True, True, False],
    ),
    returns(
        "call-sites-through-a-getter",
        HOME + "Object.defineProperty(Error, 'prepareStackTrace', {get: () => (...all) => all})\n"
        "return new Error().stack.every(home)",
        True,
    ),
    returns(
        "call-sites-of-a-callback",
        HOME + "Error.prepareStackTrace = (_, sites) => sites\n"
        "let sites; JSON.stringify({toJSON() { sites = new Error().stack }}); await null\n"
        "return [...sites, ...new Error().stack].every((site) => !site.getFunction() || home(site.getFunction()))",
        True,
    ),
    returns(
        "stack-without-a-limit",
        "Error.stackTraceLimit = Infinity; return /engine|node:/.test(new Error().stack)",
        False,
    ),
    returns("captured-stack", "const o = {}; Error.captureStackTrace(o); return /engine|node:/.test(o.stack)", False),
    returns(
        "error-whose-name-is-a-symbol", "const e = new Error(); e.name = Symbol(); return typeof e.stack", "string"
    ),
    returns(
        "stack-after-a-microtask",
        "await null; return new Error().stack.split('\\n').map((line) => line.trim())"
        ".filter((line) => !/<anonymous>|user-function/.test(line))",
        ["Error"],
    ),
    returns(
        "arguments-of-a-trap-that-node-calls",
        SETTLED_BY_NODE + "let reject; const promise = new Promise((_, no) => { reject = no })\n"
        "Object.setPrototypeOf(promise, new Proxy(Promise.prototype, {get: caught})); reject(1)\n"
        "return [lists.length > 0, lists.filter(escapes).length]",
        [True, 0],
    ),
    returns(
        "arguments-of-a-getter-that-node-calls",
        SETTLED_BY_NODE + "let reject; const promise = new Promise((_, no) => { reject = no }), symbols = []\n"
        "Object.setPrototypeOf(promise, new Proxy(Promise.prototype, {get(_, key) { symbols.push(key) }})); reject(1)\n"
        "const other = new Promise((_, no) => { reject = no })\n"
        "for (const symbol of symbols) Object.defineProperty(other, symbol, {get: caught})\n"
        "reject(1); return [lists.length > 0, lists.filter(escapes).length]",
        [True, 0],
    ),
    returns(
        "exception-of-a-microtask",
        SETTLED_BY_NODE + "const error = new Error('x'), boom = () => { throw error }\n"
        "for (const key of ['stack', 'message', 'name']) Object.defineProperty(error, key, {get: caught})\n"
        "const promise = Promise.resolve()\n"
        "promise.constructor = {[Symbol.species]: function (take) { take(boom, boom) }}\n"
        "promise.then(() => 0); for (let i = 0; i < 9; i++) await null\n"
        "return lists.length",
        0,
    ),
    overflows("a-stack-trace", "new Error().stack"),
    overflows("a-captured-stack", "Error.captureStackTrace({})"),
    overflows("an-import", "import('x').catch(() => 0)"),
    overflows("a-rejection", "Promise.reject(1).catch(() => 0)"),
    overflows("a-fetch", "fetch('http://a').catch(() => 0)"),
    overflows("a-parse-error", "eval('(')"),
    returns(
        "names-of-node",
        "return ['process', 'require', 'module', 'exports', 'Buffer', 'global', 'setTimeout', 'setImmediate',"
        " 'queueMicrotask', 'structuredClone', 'performance', 'navigator', 'crypto', '__filename', 'internalBinding',"
        " 'primordials', 'Worker', 'MessageChannel', 'BroadcastChannel', 'AsyncLocalStorage', 'gc', 'vm']"
        ".filter((name) => name in globalThis || Function(`return typeof ${name}`)() !== 'undefined')",
        [],
    ),
    returns(
        "globals-are-the-languages",
        "const found = Reflect.ownKeys(globalThis).filter((key) => typeof key === 'symbol'"
        " || !/^[A-Za-z]+(8|16|32|64)?(Clamped)?(Array)?$/.test(key)); return found.map(String).sort()",
        [],
    ),
    ends("import-meta", "return import.meta", SYNTAX, says="import.meta"),
    ends("import-from-eval", "return await eval(\"import('vm')\")", THROWN, says="Not supported"),
    ends(
        "import-from-a-function", "return await Function(\"return import('node:vm')\")()", THROWN, says="Not supported"
    ),
    ends("import-with-attributes", "return await import('x', {with: {type: 'json'}})", THROWN, says="Not supported"),
    ends("web-assembly-from-a-function", "return Function('return WebAssembly')()", THROWN, says="not defined"),
    ends("shared-memory-from-a-function", "return Function('return SharedArrayBuffer')()", THROWN, says="not defined"),
    ends("atomics-from-a-function", "return Function('return Atomics.waitAsync')()", THROWN, says="not defined"),
    ends("callers-of-the-harness", "return fetch.caller", THROWN),
    returns(
        "thenable-called-by-the-harness",
        HOME + "let seen; await {then(...all) { seen = all; all[0]() }}; return [seen.every(home), seen.length]",
        [True, 2],
    ),
    returns(
        "rejection-nobody-handles",
        "Promise.reject(new Proxy(() => 0, {get() { globalThis.evil = 1 }, getPrototypeOf() { globalThis.evil = 1 }"
        "}))\n"
        "await null; return [typeof evil]",
        ["undefined"],
    ),
    returns("fetch-that-outlives-its-script", "fetch('http://a').then(() => { for (;;); }); return 1", 1),
    returns(
        "finalizers-that-outlive",
        "const r = new FinalizationRegistry(() => { for (;;); })\n"
        "for (let i = 0; i < 1e5; i++) r.register({}, i); return 1",
        1,
    ),
    returns(
        "every-intrinsic-polluted",
        "const seen = new Set(); const visit = (o) => { if (Object(o) !== o || seen.has(o)) return; seen.add(o)\n"
        "for (const k of Reflect.ownKeys(o)) { try { visit(o[k]) } catch {} }\n"
        "try { visit(Object.getPrototypeOf(o)) } catch {}\n"
        "try { o.evil = o.polluted = 1 } catch {} }; visit(globalThis); return seen.size > 500",
        True,
    ),
    returns(
        "a-global-whose-prototype-is-a-trap",
        HOME + "const seen = []; const trap = (...all) => { seen.push(...all.filter((one) => Object(one) === one)) }\n"
        "const traps = {get: trap, set: trap, has: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap}\n"
        "try { Object.setPrototypeOf(globalThis, new Proxy({}, traps)) } catch {}\n"
        "await null; await fetch('http://a'); return seen.every(home)",
        True,
    ),
    returns("worn-that-is-forged", 'return \'[{"type":"worn"},\'', '[{"type":"worn"},'),
)
