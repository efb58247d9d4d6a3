"""Guarantees for a function block's JavaScript."""

import tracemalloc
from datetime import UTC, datetime

import msgspec
import pytest

from executor_service.sandbox import Conditions, ErrorKind, JavaScriptSandbox, Script

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def value(sandbox: JavaScriptSandbox, code: str, **inputs: object) -> object:
    result = await sandbox.run(Script(code=code, **inputs))  # type: ignore[arg-type]
    assert result.error is None, result.error
    return result.value()


async def failure(sandbox: JavaScriptSandbox, code: str) -> str:
    result = await sandbox.run(Script(code=code))
    assert result.error is not None
    return result.error.message


async def test_the_returned_value_is_the_result(sandbox: JavaScriptSandbox) -> None:
    assert await value(sandbox, "return 1 + 2") == 3


async def test_await_works_at_the_top_level(sandbox: JavaScriptSandbox) -> None:
    assert await value(sandbox, "return await Promise.resolve('later')") == "later"


async def test_code_that_returns_nothing_has_no_result(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="const a = 1"))
    assert result.result is msgspec.UNSET
    assert result.value() is None


async def test_bindings_params_and_environment_are_visible(sandbox: JavaScriptSandbox) -> None:
    code = "return [ref_1.n + 1, params.who, environmentVariables.TOKEN, environmentVariables['TOKEN']]"
    inputs = {"bindings": {"ref_1": {"n": 1}}, "params": {"who": "Ada"}, "environment": {"TOKEN": "abc"}}
    assert await value(sandbox, code, **inputs) == [2, "Ada", "abc", "abc"]


async def test_a_binding_named_proto_is_a_value_like_any_other(sandbox: JavaScriptSandbox) -> None:
    assert await value(sandbox, "return [__proto__, ({}).a]", bindings={"__proto__": {"a": 1}}) == [{"a": 1}, None]


async def test_user_code_may_reuse_the_names_of_globals(sandbox: JavaScriptSandbox) -> None:
    assert await value(sandbox, "const params = 1, fetch = 2, console = 3; return params + fetch + console") == 6


async def test_results_are_json(sandbox: JavaScriptSandbox) -> None:
    code = "return {at: new Date(0), gone: undefined, nan: NaN, list: [undefined, () => 1], text: 'é😀\\u2028'}"
    assert await value(sandbox, code) == {
        "at": datetime(1970, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "nan": None,
        "list": [None, None],
        "text": "é😀\u2028",
    }


async def test_stdout_joins_lines_with_prefixes(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(
        Script(code='console.log("a", {b: 1}); console.warn("w"); console.error("e"); console.info(undefined, null)')
    )
    assert result.stdout == 'a {"b":1}\nWARN: w\nERROR: e\nundefined null'


async def test_printed_errors_show_their_message(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="console.log(new TypeError('bad'), [10n].length)"))
    assert result.stdout == "TypeError: bad 1"


async def test_stdout_survives_an_error(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code='console.log("before"); throw new Error("x")'))
    assert result.stdout == "before"
    assert result.error is not None


async def test_stdout_is_cut_at_its_limit(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="for (let i = 0; i < 500; i++) console.log('x'.repeat(1000))"))
    assert len(result.stdout) == 200_000


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('throw new Error("boom")', 'Line 1: `throw new Error("boom")` - boom'),
        ("const a = 1\nreturn nope.x", "Reference Error: Line 2: `return nope.x` - nope is not defined"),
        ("return <ghost.x>", "Syntax Error: Line 1: `return <ghost.x>` - Unexpected token '<'"),
        ("const a = 1;\n  a = 2", "Type Error: Line 2: `a = 2` - Assignment to constant variable."),
        (
            "function f() {\n  throw new RangeError('deep')\n}\nawait null\nreturn f()",
            "RangeError: Line 2: `throw new RangeError('deep')` - deep",
        ),
        ("throw 'just text'", "just text"),
        ("throw 42", "42"),
        ("throw undefined", "undefined"),
        ("throw {code: 7}", '{"code":7}'),
        ("await Promise.reject(new Error('later'))", "Line 1: `await Promise.reject(new Error('later'))` - later"),
    ],
)
async def test_errors_name_the_users_own_line(sandbox: JavaScriptSandbox, code: str, message: str) -> None:
    assert await failure(sandbox, code) == message


async def test_the_bare_reason_is_reported_beside_the_message(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="\nthrow new TypeError('bad')"))
    assert result.error is not None
    assert (result.error.reason, result.error.line) == ("bad", 2)


async def test_a_timeout_is_reported_with_its_limit(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="for (;;);", timeout_ms=120))
    assert result.error is not None
    assert (result.error.kind, result.error.message) == (
        ErrorKind.TIMEOUT,
        "Function execution timed out after 120ms",
    )


async def test_a_promise_that_never_settles_ends_immediately(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="console.log('waiting'); await new Promise(() => {})"))
    assert result.error is not None
    assert (result.error.kind, result.stdout) == (ErrorKind.STALLED, "waiting")


async def test_a_result_over_its_limit_is_refused(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="return 'x'.repeat(200000)"))
    assert result.error is not None
    assert result.error.message == ("Function result is too large: 200002 characters of JSON, the limit is 100000")


async def test_a_result_nested_too_deeply_is_refused(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="let a = []; for (let i = 0; i < 900; i++) a = [a]; return a"))
    assert result.error is not None
    assert result.error.kind is ErrorKind.OUTPUT


async def test_inputs_over_their_limit_are_refused_before_anything_runs(sandbox: JavaScriptSandbox) -> None:
    result = await sandbox.run(Script(code="return 1", bindings={"big": "x" * (1 << 20)}))
    assert result.error is not None
    assert result.error.kind is ErrorKind.INPUT


async def test_values_that_are_far_too_large_together_are_not_even_written(sandbox: JavaScriptSandbox) -> None:
    big = "x" * 500_000
    tracemalloc.start()
    result = await sandbox.run(Script(code="return 1", bindings={f"v{n}": big for n in range(100)}))
    verdict = await sandbox.evaluate(Conditions(expressions=["1"], bindings={f"v{n}": big for n in range(100)}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each and each.kind for each in (result.error, verdict.error)] == [ErrorKind.INPUT] * 2
    assert peak < 10_000_000


async def test_a_binding_that_is_no_identifier_is_a_mistake_of_the_caller(sandbox: JavaScriptSandbox) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        await sandbox.run(Script(code="return 1", bindings={"a, b = evil()": 1}))


@pytest.mark.parametrize(
    "name", ["require", "process", "setTimeout", "setInterval", "Atomics", "SharedArrayBuffer", "WebAssembly", "input"]
)
async def test_there_is_no_such_global(sandbox: JavaScriptSandbox, name: str) -> None:
    assert await failure(sandbox, f"return {name}") == (
        f"Reference Error: Line 1: `return {name}` - {name} is not defined"
    )


async def test_html_like_and_type_like_text_in_comments_is_harmless(sandbox: JavaScriptSandbox) -> None:
    assert await value(sandbox, "// Array<string> and Map<k,v>\nreturn 1 // the end") == 1
