"""Files from callers are stored, and passed to blocks as stored files."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.executor.fakes import spec
from tests.support.executor.files import WORKFLOW, FileExchange, inline
from tests.support.http_stub import Answer, HttpStub
from tests.support.workflow_states import start

from executor_service.application import file_uploads
from executor_service.application.file_uploads import FileUploads
from shared.contracts.files import FileKey
from shared.errors import InvalidRequest
from shared.net import OutboundClient, OutboundRequest, OutboundResponse
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import Json
from shared.workflow.format.start import start_output


async def test_a_file_is_stored_and_passed_on_as_a_stored_file(files: FileExchange) -> None:
    body = await files.take([inline()], q="x")
    (file,) = body["papers"]
    assert {**file, "id": "", "url": "", "key": ""} == {
        "id": "",
        "name": "a.txt",
        "url": "",
        "size": 5,
        "type": "text/plain",
        "key": "",
        "context": "execution",
    }
    assert file["key"] == f"execution/w1/f1/r1/{file['id']}/a.txt"
    assert file["url"] == f"https://f.example/api/files/serve/{file['key']}"
    assert files.store.kept == {("w1", file["id"]): b"hello"}
    assert body["q"] == "x"


async def test_one_file_becomes_a_list(files: FileExchange) -> None:
    assert len((await files.take(inline()))["papers"]) == 1


@pytest.mark.parametrize("kind", ["starter", "api_trigger", "input_trigger"])
async def test_older_starts_take_files_too(files: FileExchange, kind: str) -> None:
    block = start({"name": "papers", "type": "file[]"}, kind=kind)
    workflow = compile_workflow({"blocks": {"start": block}, "edges": []})
    body: Any = {"papers": [inline()], "files": [inline()]}
    taken: Any = await files.uploads.store_uploads(spec(), workflow, json.dumps(body).encode(), body)
    output: dict[str, Any] = start_output(workflow.blocks["start"].block, taken)
    assert output["papers"] == output["input"]["papers"] == taken["papers"]
    assert files.store.kept == {("w1", output["papers"][0]["id"]): b"hello"}


async def test_a_file_by_url_is_fetched(files: FileExchange) -> None:
    async with HttpStub() as stub:
        stub.answer(Answer(200, "%PDF", headers={"content-type": "application/pdf; x=y"}))
        url = f"http://127.0.0.1:{stub.port}/some/paper%201.pdf?x=1"
        (file,) = (await files.take([{"type": "url", "data": url}]))["papers"]
    assert (file["name"], file["type"], file["size"]) == ("paper 1.pdf", "application/pdf", 4)


@pytest.mark.parametrize("content", ["aGVs\nbG8=\n", "aGVs\r\nbG8=", "aGVsbG8", " aGVsbG8= "])
async def test_content_may_have_line_breaks_and_no_padding(files: FileExchange, content: str) -> None:
    await files.take([{"type": "file", "data": f"data:text/plain;base64,{content}", "name": "a.txt"}])
    assert list(files.store.kept.values()) == [b"hello"]


async def test_invalid_files_are_dropped_and_the_rest_is_stored(files: FileExchange) -> None:
    papers = [{"type": "file", "data": "plain", "name": "x"}, inline(), 7, {"name": "y"}]
    assert [file["name"] for file in (await files.take(papers))["papers"]] == ["a.txt"]


@pytest.mark.parametrize("papers", [[{"type": "file", "data": "data:text/plain,hello"}], "text", [], None, 7])
async def test_a_field_without_files_keeps_its_value(files: FileExchange, papers: Any) -> None:
    assert (await files.take(papers, other={"data": 1}))["papers"] == papers


async def test_only_declared_top_level_fields_may_hold_files(files: FileExchange) -> None:
    body = await files.take(None, other=[inline()], input={"papers": [inline()]})
    assert (body["other"], body["input"], files.store.kept) == ([inline()], {"papers": [inline()]}, {})


@pytest.mark.parametrize(
    ("paper", "name"),
    [
        ({"type": "file", "data": "data:text/plain;base64,???", "name": "bad.txt"}, "bad.txt"),
        ({"type": "url", "data": "http://169.254.169.254/latest", "name": "secret"}, "secret"),
        ({"type": "url", "data": "https://10.0.0.1/x.bin"}, "x.bin"),
        ({"type": "url", "data": "http://[no address]/x.bin"}, "file"),
        ({"type": "url", "data": "http://[::1/x.bin", "name": "half"}, "half"),
    ],
)
async def test_an_unavailable_file_refuses_the_call(files: FileExchange, paper: Any, name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^File processing failed: Failed to upload file: {name}$"):
        await files.take([paper])


async def test_the_reason_of_an_unavailable_file_is_logged_and_hidden_from_the_caller(files: FileExchange) -> None:
    """Otherwise, callers could probe our internal network."""
    async with HttpStub() as stub:
        stub.answer(Answer(404, "not here"))
        addresses = ["https://10.0.0.1/x.bin", f"http://127.0.0.1:{stub.port}/x.bin?signature=secret"]
        with capture_logs() as logs:
            for address in addresses:
                with pytest.raises(InvalidRequest, match=r"Failed to upload file: x\.bin$"):
                    await files.take([{"type": "url", "data": address}])
    assert [(line["run_id"], line["error"]) for line in logs] == [
        (spec().run_id, "url cannot point to private IP addresses"),
        (spec().run_id, "its URL returned status 404"),
    ]


async def test_a_file_has_a_bound(files: FileExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_uploads, "MAX_FILE_BYTES", 4)
    with pytest.raises(InvalidRequest, match=r"Failed to upload file: a\.txt"):
        await files.take([inline()])


async def test_all_files_of_a_run_have_a_bound(files: FileExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_uploads, "MAX_RUN_BYTES", 9)
    with pytest.raises(InvalidRequest, match="MiB of files"):
        await files.take([inline(), inline()])


async def test_files_that_do_not_arrive_in_time_refuse_the_call(
    files: FileExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_uploads, "UPLOAD_SECONDS", 0.05)
    async with HttpStub() as stub:
        url = f"http://127.0.0.1:{stub.port}/slow"
        with pytest.raises(InvalidRequest, match=r"^File processing failed: "):
            await files.take([{"type": "url", "data": url}])


async def test_an_error_response_is_not_stored_as_a_file(files: FileExchange) -> None:
    async with HttpStub() as stub:
        stub.answer(Answer(404, "not here"))
        with pytest.raises(InvalidRequest, match="Failed to upload file: a"):
            await files.take([{"type": "url", "data": f"http://127.0.0.1:{stub.port}/a"}])


async def test_files_are_fetched_as_the_runs_own_workspace(files: FileExchange) -> None:
    requests: list[OutboundRequest] = []

    class RecordingClient(OutboundClient):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            requests.append(request)
            return OutboundResponse(200, "OK", request.url, {}, b"hello")

    sent = FileUploads(files.store, RecordingClient(), public_url="https://f.example")
    body: Any = {"papers": [{"type": "url", "data": "https://example.com/a"}]}
    await sent.store_uploads(spec(), WORKFLOW, json.dumps(body).encode(), body)
    assert [request.workspace_id for request in requests] == ["w1"]


@pytest.mark.parametrize(
    ("name", "stored"), [("x" * 300, "x" * 200), ("..", "file"), (" .a.txt. ", "a.txt"), ("a/b\n", "a_b")]
)
async def test_a_file_name_is_sanitized(files: FileExchange, name: str, stored: str) -> None:
    assert (await files.take([inline(name=name)]))["papers"][0]["name"] == stored


async def test_the_number_of_files_is_bounded(files: FileExchange) -> None:
    with pytest.raises(InvalidRequest, match="more than 50 files"):
        await files.take([inline()] * 51)


@given(st.text(max_size=300))
def test_a_name_is_never_a_path(name: str) -> None:
    (file,) = file_uploads.read_uploads([inline(name=name)])
    assert 1 <= len(file.name) <= 200
    assert not set(file.name) & set("/\\\n\0")
    key = FileKey("w", "f", "r", "file_1", file.name)
    assert FileKey.parse(key.text) == key


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    )
)
def test_any_sent_file_can_be_read(value: Json) -> None:
    file_uploads.read_uploads(value)
