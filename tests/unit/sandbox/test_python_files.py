"""`sim` for Python functions has JavaScript's names and limits."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.sandbox.conftest import RecordingFetcher

from executor_service.sandbox import (
    FILE_SCHEME,
    ErrorKind,
    FetchRequest,
    PoolSize,
    PythonSandbox,
    SandboxLimits,
    Script,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = {"name": "a.txt", "key": "execution/ws/wf/run/file_1/a.txt"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def python(module_fetcher: RecordingFetcher) -> AsyncIterator[PythonSandbox]:
    limits = SandboxLimits(max_fetches=5)
    async with PythonSandbox(fetcher=module_fetcher, limits=limits, size=PoolSize(running=2, spare=1)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("call", "headers"),
    [
        ("readText(file)", {"accept": "text", "offset": "0", "length": ""}),
        ("readBase64(file)", {"accept": "base64", "offset": "0", "length": ""}),
        ("readTextChunk(file, {'offset': 2, 'length': 3})", {"accept": "text", "offset": "2", "length": "3"}),
        ("readBase64Chunk(file, length=0)", {"accept": "base64", "offset": "0", "length": "0"}),
    ],
)
async def test_the_parent_reads_files_for_scripts(
    python: PythonSandbox, fetcher: RecordingFetcher, call: str, headers: dict[str, str]
) -> None:
    script = Script(code=f"return sim.files.{call}", bindings={"file": FILE}, workspace_id="ws")
    assert (await python.run(script)).value() == '{"answer": 42}'
    url = f"{FILE_SCHEME}{FILE['key']}"
    assert fetcher.requests == [FetchRequest(url=url, method="GET", headers=headers, body=None, workspace_id="ws")]


async def test_several_files_are_read_one_after_the_other(python: PythonSandbox) -> None:
    code = "def length(file):\n    return len(sim.files.readText(file))\nreturn [length(file) for _ in range(5)]"
    assert (await python.run(Script(code=code, bindings={"file": FILE}))).value() == [14] * 5


async def test_an_invalid_file_is_an_error_that_code_can_catch(python: PythonSandbox) -> None:
    code = "try:\n    sim.files.readText(file)\nexcept TypeError as error:\n    return str(error)"
    files: list[object] = [None, "a.txt", {}, {"key": 1}, [FILE]]
    for file in files:
        result = await python.run(Script(code=code, bindings={"file": file}))
        assert result.value() == "sim.files expects a file from a file[] field"


async def test_an_unavailable_file_names_the_users_line(python: PythonSandbox) -> None:
    refused = {"key": "execution/ws/wf/run/file_1/refused"}
    result = await python.run(Script(code="a = 1\nreturn sim.files.readText(file)", bindings={"file": refused}))
    assert result.error is not None
    told = "OSError: Line 2: `return sim.files.readText(file)` - this address is not allowed"
    assert result.error.message == told


async def test_reads_are_counted(python: PythonSandbox, fetcher: RecordingFetcher) -> None:
    code = "for _ in range(6):\n    sim.files.readText(file)"
    result = await python.run(Script(code=code, bindings={"file": FILE}))
    assert result.error is not None
    assert result.error.kind is ErrorKind.THROWN
    assert result.error.message.endswith("sim.files was called more than 5 times")
    assert len(fetcher.requests) == 5


async def test_values_are_always_here_in_full(python: PythonSandbox) -> None:
    code = "return [sim.values.read(value), sim.values.readArray(value['list'])]"
    assert (await python.run(Script(code=code, bindings={"value": {"list": [1]}}))).value() == [{"list": [1]}, [1]]


async def test_a_read_that_never_ends_is_within_the_functions_own_time(python: PythonSandbox) -> None:
    hangs = {"key": "execution/ws/wf/run/file_1/hangs"}
    script = Script(code="return sim.files.readText(file)", bindings={"file": hangs}, timeout_ms=200)
    result = await python.run(script)
    assert result.error is not None
    assert result.error.kind is ErrorKind.TIMEOUT
