"""Pure code is recognized, and behaves in the frozen realm that it shares as in a new one."""

import pytest

from executor_service.sandbox import JavaScriptSandbox, Script, javascript
from executor_service.sandbox.pure_code import is_pure

REF = {"items": [{"price": 2, "kind": "a"}, {"price": 3, "kind": "toString"}], "text": '{"a": [1, 2]}', "at": 0}

PURE = {
    "a constant": "return 1",
    "nothing": "",
    "many names": f"let a = ref_1.at; {'a;' * 490} return a",
    "methods with functions": "return ref_1.items.map(i => i.price * 2).reduce((sum, x) => sum + x, 0)",
    "properties of an own object": "const out = {a: 1}; out.total = 3; out.n = 0; out.n++; out.a += 1; return out",
    "texts and numbers as property names": "const o = {}; o['a b'] = 1; o[0] = 2; o[0]++; return o",
    "computed names in an object literal": "return {[ref_1.items[1].kind]: 1, toString: 2}",
    "inherited methods": "const o = {a: 1}; return [`${o}`, o.hasOwnProperty('a'), o.toString(), o + '']",
    "loops": (
        "let s = 0; for (const x of ref_1.items) { if (x.price > 2) s += x.price; else continue }"
        "for (let i = 0; i < 3; i++) { s++ } do { s-- } while (s > 3); for (const k in ref_1) s += k; return s"
    ),
    "patterns": "const {items: [a, ...rest], none = ref_1.at, ...all} = ref_1; return {a, rest, none, all}",
    "functions": (
        "function f(x, {y = 1} = {}) { return x ? f(x - 1) + y : 0 } const g = function h() { return 2 };"
        "return [f(3), g(), late()]; function late() { return 3 }"
    ),
    "errors": "try { JSON.parse(ref_1.at) } catch ({message}) { return message } finally { console.log('done') }",
    "an error about an object": "return ref_1 in ref_1.at",
    "a thrown error": "throw new TypeError('wrong: ' + ref_1.at)",
    "endless recursion": "const f = () => f(); try { f() } catch (error) { return error.name + error.message }",
    "dates": "return [new Date(ref_1.at).toISOString(), typeof Date.now()]",
    "collections": "const m = new Map([['a', 1]]); m.set('b', 0); return [...m.values()].filter(Boolean).map(String)",
    "optional values": "return ref_1?.a?.[0] ?? ref_1['a b'] ?? 'x'",
    "a switch": "switch (ref_1.at) { case 0: { const y = 2; return y } default: return 0 }",
    "regular expressions": r"return [/a(b)/g.exec('ab')?.[1], 'a,b'.split(/,/), 'x'.replace(/x/, '$&y')]",
    "output": "console.log('a', {b: 1}); console.warn(ref_1.items); return 1",
    "sorting": "return [...ref_1.items].sort((a, b) => b.price - a.price).map(({price}) => `${price} €`)",
    "nothing that JSON holds": "return () => 1",
}
IMPURE = {
    "a global that it sets": "x = 1",
    "a global that it sets later": "{ let x = 1 } x = 2",
    "a loop's global": "for (x of ref_1) {}",
    "the global object": "globalThis.x = 1",
    "its receiver": "return this",
    "its arguments": "return arguments[0]",
    "an intrinsic's property": "Array.prototype.x = 1",
    "an intrinsic in a variable": "const A = Array; A.x = 1",
    "a property of an unknown object": "const a = []; a.x = 1",
    "a property of a variable": "let o = {}; o.x = 1",
    "a property of an input": "ref_1.x = 1",
    "a property with a name of all objects": "const o = {}; o.toString = 1; return o",
    "a property with a name of all objects, as text": "const o = {}; o['valueOf'] = 1; return o",
    "a property with an unknown name": "const o = {}; for (const k of ref_1.items) o[k.kind] = 1; return o",
    "a hidden constant": "const o = {}; { const o = []; o.x = 1 }",
    "a parameter with the name of a constant": "const o = {}; return (o => { o.x = 1 })([])",
    "a deleted property": "delete ref_1.x",
    "a constructor": "return [].constructor",
    "a constructor by text": "return []['constructor']",
    "a constructor by escaped text": r"return []['con\x73tructor']",
    "a constructor in a pattern": "const {constructor: F} = ref_1; return F",
    "a constructor by text in a pattern": "const {'constructor': F} = ref_1; return F",
    "a stack": "try { 'x'.replace(/x/, () => null.x) } catch (error) { return error.stack }",
    "a prototype": "return {__proto__: ref_1}",
    "a prototype by text": "const o = {'__proto__': []}; o.map = 1; return o.map",
    "a prototype by escaped text": r"const o = {'\x5f_proto__': []}; o.map = 1; return o.map",
    "evaluated text": "return eval('1')",
    "a function from text": "return Function('1')()",
    "an awaited value": "return await 1",
    "an asynchronous function": "const f = async () => 1",
    "a request": "return fetch('http://a')",
    "a request in a default value": "const {a = fetch('http://a')} = {}",
    "a global in a computed key": "const {[globalThis]: a} = {}",
    "parameters of the run": "return params",
    "the environment": "return environmentVariables.K",
    "a random number": "return Math.random()",
    "an assigned object": "return Object.assign({}, ref_1)",
    "a symbol": "return Symbol.for('x')",
    "a proxy": "return new Proxy({}, {})",
    "a class": "class A {}",
    "a generator": "function* g() {}",
    "a getter": "return {get a() { return 1 }}",
    "a tagged template": "return ((s) => s)`x`",
    "an escaped name": r"return \u0066etch(1)",
    "the last match": "return RegExp.$1",
    "a module": "return import('fs')",
    "an old comment": "1 <!-- x",
    "a line end of its own": "// x\u2028y = 1",
    "code that does not parse": "return ]",
    "long code": f"return '{'x' * 1024}'",
    "deep code": f"return {'(' * 100}1{')' * 100}",
    "a deep pattern": f"const {'[' * 1000}a{']' * 1000} = ref_1",
    "a deep pattern of objects": f"const {'{a:' * 500}a{'}' * 500} = ref_1",
    "a deep pattern without a block": f"if (1) const {'[' * 1000}a{']' * 1000} = ref_1",
    "a deep parameter": f"return ({'[' * 1000}a{']' * 1000}) => a",
}


@pytest.mark.parametrize("code", PURE.values(), ids=PURE)
def test_code_that_only_computes_a_value_is_pure(code: str) -> None:
    assert is_pure(code, ("ref_1",))


@pytest.mark.parametrize("code", IMPURE.values(), ids=IMPURE)
def test_other_code_is_not(code: str) -> None:
    assert not is_pure(code, ("ref_1",))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("code", PURE.values(), ids=PURE)
async def test_pure_code_behaves_as_in_a_new_realm(
    sandbox: JavaScriptSandbox, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    script = Script(code=code, bindings={"ref_1": REF}, owner="a")
    shared = [await sandbox.run(script) for _ in range(2)]
    monkeypatch.setattr(javascript, "is_pure", lambda *_: False)
    assert [await sandbox.run(script)] * 2 == shared
