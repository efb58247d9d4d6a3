"""Values enter user code and return unchanged; scripts share nothing by accident."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor_service.sandbox import JavaScriptSandbox, PoolSize, PythonSandbox, Script
from executor_service.sandbox.messages import Returned, decode

pytestmark = pytest.mark.asyncio(loop_scope="module")

Sandboxes = tuple[JavaScriptSandbox, PythonSandbox]
LARGEST_EXACT = 2**53
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_EXACT, LARGEST_EXACT)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(st.characters(exclude_categories=["Cs"]))
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20)
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandboxes() -> AsyncIterator[Sandboxes]:
    size = PoolSize(running=2, spare=2)
    async with JavaScriptSandbox(size=size) as javascript, PythonSandbox(size=size) as python:
        yield javascript, python


@QUICK
@given(value=JSON)
async def test_json_survives_the_way_in_and_out(sandboxes: Sandboxes, value: object) -> None:
    for sandbox in sandboxes:
        script = Script(code="return [it, params['it']]", bindings={"it": value}, params={"it": value}, owner="fuzz")
        result = await sandbox.run(script)
        assert (result.error, result.value()) == (None, [value, value])


@QUICK
@given(text=st.text())
async def test_any_text_can_be_code(sandboxes: Sandboxes, text: str) -> None:
    code = text.encode("utf-8", "replace").decode()
    for sandbox in sandboxes:
        result = await sandbox.run(Script(code=code, timeout_ms=2000, owner="fuzz"))
        assert result.error is None or result.error.message


@pytest.mark.parametrize("code", ["return Math.random()", "import random\nreturn random.random()"])
async def test_random_numbers_differ_between_scripts(sandboxes: Sandboxes, code: str) -> None:
    sandbox = sandboxes[code.startswith("import")]
    results = await asyncio.gather(*(sandbox.run(Script(code=code, owner="a")) for _ in range(100)))
    assert len({result.value() for result in results}) == len(results)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb"\ud800", "\ufffd"),
        (rb"a\udc00b", "a\ufffdb"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\\ud800", "\\ud800"),
        (rb"\\\ud800\"", '\\\ufffd"'),
        (rb"\\ud83d\ude00", "\\ud83d\ufffd"),
        (rb"\n\ud800\\\\\uDfff", "\n\ufffd\\\\\ufffd"),
    ],
)
async def test_half_a_surrogate_pair_becomes_the_replacement_character(written: bytes, text: str) -> None:
    [message] = decode(b'[{"type":"returned","result":"' + written + b'"}]')
    assert isinstance(message, Returned)
    assert isinstance(message.result, msgspec.Raw)
    assert msgspec.json.decode(message.result) == text
