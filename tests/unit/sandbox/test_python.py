"""Guarantees for a function block's Python."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from executor_service.sandbox import ErrorKind, PoolSize, PythonSandbox, SandboxLimits, SandboxUnavailable, Script

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[PythonSandbox]:
    limits = SandboxLimits(max_result_chars=100_000)
    async with PythonSandbox(limits=limits, size=PoolSize(running=2, spare=1)) as sandbox:
        yield sandbox


async def value(sandbox: PythonSandbox, code: str, **inputs: object) -> object:
    result = await sandbox.run(Script(code=code, **inputs))  # type: ignore[arg-type]
    assert result.error is None, result.error
    return result.value()


async def test_a_top_level_return_is_the_result(sandbox: PythonSandbox) -> None:
    assert await value(sandbox, "total = 1\nfor n in range(4):\n    total += n\nreturn total") == 7


async def test_a_return_inside_a_branch_is_the_result(sandbox: PythonSandbox) -> None:
    assert await value(sandbox, "if ref_1:\n    return 'yes'\nreturn 'no'", bindings={"ref_1": True}) == "yes"


async def test_the_result_may_be_left_in_a_variable(sandbox: PythonSandbox) -> None:
    assert await value(sandbox, "__sim_result__ = {'a': [1, (2, 3)]}") == {"a": [1, [2, 3]]}


async def test_code_without_a_result_returns_none(sandbox: PythonSandbox) -> None:
    result = await sandbox.run(Script(code="a = 1"))
    assert (result.result, result.error) == (msgspec.UNSET, None)


async def test_variables_are_global_as_in_a_module(sandbox: PythonSandbox) -> None:
    code = "total = 0\ndef add(n):\n    global total\n    total += n\nadd(5)\nreturn [total, (lambda: total)()]"
    assert await value(sandbox, code) == [5, 5]


async def test_variables_may_be_annotated(sandbox: PythonSandbox) -> None:
    code = "a: int = 1\nb: str\nclass Box:\n    n: int = 2\nif a:\n    c: int = 3\nreturn a + Box.n + c"
    assert await value(sandbox, code) == 6


async def test_a_text_over_several_lines_stays_as_it_is(sandbox: PythonSandbox) -> None:
    assert await value(sandbox, 'text = """a\n  b\nc"""\nreturn text') == "a\n  b\nc"


async def test_bindings_params_and_environment_are_python_values(sandbox: PythonSandbox) -> None:
    code = "return [ref_1['n'] + 1, ref_2 is None, ref_3 is True, params['who'], environmentVariables['TOKEN']]"
    inputs = {
        "bindings": {"ref_1": {"n": 1}, "ref_2": None, "ref_3": True},
        "params": {"who": "Ada"},
        "environment": {"TOKEN": "abc"},
    }
    assert await value(sandbox, code, **inputs) == [2, True, True, "Ada", "abc"]


async def test_results_are_json(sandbox: PythonSandbox) -> None:
    code = "import datetime\nreturn [datetime.date(2026, 1, 2), float('nan'), {1: 'one'}, {3}, 'é😀']"
    assert await value(sandbox, code) == ["2026-01-02", None, {"1": "one"}, [3], "é😀"]


@pytest.mark.parametrize("items", ["{float('nan')}", "frozenset({float('inf')})", "{float('-inf')}"])
async def test_numbers_without_json_are_null_in_sets(sandbox: PythonSandbox, items: str) -> None:
    assert await value(sandbox, f"return {{'items': [{items}]}}") == {"items": [[None]]}


async def test_prints_are_stdout(sandbox: PythonSandbox) -> None:
    result = await sandbox.run(Script(code="import sys\nprint('a', 1)\nprint('b', file=sys.stderr)\n1 / 0"))
    assert result.stdout == "a 1\nb"


async def test_stdout_is_cut_at_its_limit(sandbox: PythonSandbox) -> None:
    result = await sandbox.run(Script(code="for _ in range(500): print('x' * 1000)"))
    assert len(result.stdout) == 200_000


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise Exception('boom')", "Line 1: `raise Exception('boom')` - boom"),
        ("a = 1\nreturn nope", "NameError: Line 2: `return nope` - name 'nope' is not defined"),
        ("def f():\n    raise ValueError('bad')\n\nf()", "ValueError: Line 2: `raise ValueError('bad')` - bad"),
        ("a = 1\nreturn (", "Syntax Error: Line 2: `return (` - '(' was never closed"),
        ("return {1, object()}", "Type Error: Object of type object is not JSON serializable"),
        ("raise SystemExit(3)", "SystemExit: Line 1: `raise SystemExit(3)` - 3"),
        ("import numpy", "ModuleNotFoundError: Line 1: `import numpy` - No module named 'numpy'"),
    ],
)
async def test_errors_name_the_users_own_line(sandbox: PythonSandbox, code: str, message: str) -> None:
    result = await sandbox.run(Script(code=code))
    assert result.error is not None
    assert result.error.message == message


async def test_a_timeout_is_reported_with_its_limit(sandbox: PythonSandbox) -> None:
    result = await sandbox.run(Script(code="while True: pass", timeout_ms=100))
    assert result.error is not None
    assert result.error.message == "Function execution timed out after 100ms"


async def test_a_result_over_its_limit_is_refused(sandbox: PythonSandbox) -> None:
    result = await sandbox.run(Script(code="return 'x' * 200000"))
    assert result.error is not None
    assert result.error.kind is ErrorKind.OUTPUT


@pytest.mark.parametrize(
    "module", ["json", "re", "datetime", "decimal", "hashlib", "random", "urllib.parse", "uuid", "textwrap", "zoneinfo"]
)
async def test_the_standard_library_can_be_imported(sandbox: PythonSandbox, module: str) -> None:
    assert await value(sandbox, f"import {module}\nreturn 1") == 1


async def test_the_layers_in_force_are_described(sandbox: PythonSandbox) -> None:
    assert "system call filter" in sandbox.describe()
    assert any("bubblewrap" in layer for layer in sandbox.describe())


async def test_without_bubblewrap_python_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match=r"bubblewrap .* is not installed"):
        await PythonSandbox(bubblewrap="no-such-bwrap").start()


async def test_a_host_that_denies_namespaces_is_reported_with_its_error() -> None:
    with pytest.raises(SandboxUnavailable, match="Python cannot run on this host"):
        await PythonSandbox(bubblewrap="false").start()
