"""sim.files and sim.values inside the sandbox."""

import pytest
from tests.unit.sandbox.conftest import RecordingFetcher

from executor_service.sandbox import FILE_SCHEME, FetchRequest, JavaScriptSandbox, Script

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = {"name": "a.txt", "key": "execution/ws/wf/run/file_1/a.txt"}


@pytest.mark.parametrize(
    ("call", "headers"),
    [
        ("readText(file)", {"accept": "text", "offset": "0", "length": ""}),
        ("readBase64(file)", {"accept": "base64", "offset": "0", "length": ""}),
        ("readTextChunk(file, {offset: 2, length: 3})", {"accept": "text", "offset": "2", "length": "3"}),
        ("readBase64Chunk(file, {length: 0})", {"accept": "base64", "offset": "0", "length": "0"}),
    ],
)
async def test_the_parent_reads_files_for_scripts(
    sandbox: JavaScriptSandbox, fetcher: RecordingFetcher, call: str, headers: dict[str, str]
) -> None:
    script = Script(code=f"return await sim.files.{call}", bindings={"file": FILE}, workspace_id="ws")
    assert (await sandbox.run(script)).value() == '{"answer": 42}'
    url = f"{FILE_SCHEME}{FILE['key']}"
    assert fetcher.requests == [FetchRequest(url=url, method="GET", headers=headers, body=None, workspace_id="ws")]


async def test_an_invalid_file_is_an_error_that_code_can_catch(sandbox: JavaScriptSandbox) -> None:
    code = "try { await sim.files.readText(file) } catch (e) { return e.message }"
    files: list[object] = [None, "a.txt", {}]
    for file in files:
        result = await sandbox.run(Script(code=code, bindings={"file": file}))
        assert result.value() == "sim.files expects a file from a file[] field"


async def test_values_are_always_here_in_full(sandbox: JavaScriptSandbox) -> None:
    code = "return [await sim.values.read(value), await sim.values.readArray(value.list)]"
    result = await sandbox.run(Script(code=code, bindings={"value": {"list": [1]}}))
    assert result.value() == [{"list": [1]}, [1]]


async def test_a_script_cannot_replace_the_file_reader(sandbox: JavaScriptSandbox) -> None:
    code = "'use strict'; try { sim.files.readText = () => 'mine' } catch (e) { return e.name }"
    assert (await sandbox.run(Script(code=code))).value() == "TypeError"
