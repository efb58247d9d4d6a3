"""Outputs are returned with the content of the files that they name."""

import json
from typing import Any

import msgspec
import pytest
from tests.support.executor.fakes import spec
from tests.support.executor.files import FileExchange, inline

from executor_service.application import file_contents
from shared.contracts.events import RunEvent, SelectedOutput


async def test_an_output_has_the_content(files: FileExchange) -> None:
    body = await files.take([inline(), inline(b"\x00\xff", "b.bin", None)])
    output = await files.show({"deep": [{"files": body["papers"]}]})
    assert [file["base64"] for file in output["deep"][0]["files"]] == ["aGVsbG8=", "AP8="]


async def test_unrequested_content_is_omitted(files: FileExchange) -> None:
    body = await files.take([inline()])
    run = msgspec.structs.replace(spec(), include_file_base64=False)
    assert await files.show(body, run) == body


async def test_content_over_the_callers_bound_is_left_out(files: FileExchange) -> None:
    body = await files.take([inline(b"12345"), inline(b"123456")])
    run = msgspec.structs.replace(spec(), base64_max_bytes=5)
    assert ["base64" in file for file in (await files.show(body, run))["papers"]] == [True, False]


async def test_all_content_together_has_a_bound(files: FileExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_contents, "MAX_TOTAL_BYTES", 7)
    body = await files.take([inline(), inline()])
    assert sum("base64" in file for file in (await files.show(body))["papers"]) == 1


@pytest.mark.parametrize("size", [1, 0, -(10**15), "5", None])
async def test_the_size_in_a_file_object_bounds_nothing(files: FileExchange, size: Any) -> None:
    (file,) = (await files.take([inline()]))["papers"]
    output = [{**file, "size": size}]
    run = msgspec.structs.replace(spec(), base64_max_bytes=4)
    assert await files.show(output, run) == output
    assert (await files.show(output))[0]["base64"] == "aGVsbG8="


async def test_a_file_is_read_once_and_counts_each_time_that_it_is_shown(
    files: FileExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_contents, "MAX_TOTAL_BYTES", 12)
    (file,) = (await files.take([inline()]))["papers"]
    shown = await files.show([{**file, "size": 1}] * 20)
    assert sum("base64" in each for each in shown) == 2
    assert files.store.reads == [file["id"]]


async def test_no_file_is_read_once_the_output_is_full(files: FileExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_contents, "MAX_TOTAL_BYTES", 5)
    await files.show(await files.take([inline(), inline(), inline()]))
    assert len(files.store.reads) == 1


async def test_a_foreign_or_missing_file_is_passed_on_unchanged(files: FileExchange) -> None:
    (file,) = (await files.take([inline()]))["papers"]
    files.store.kept["w2", file["id"]] = b"their"
    output = [
        {**file, "key": file["key"].replace("/w1/", "/w2/")},
        {**file, "key": file["key"].replace("file_", "blob_")},
        {**file, "key": file["key"].replace(file["id"], "file_gone")},
    ]
    assert await files.show(output) == output


async def test_selected_outputs_have_the_content_too(files: FileExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[RunEvent] = []

    class RecordingSink:
        async def emit(self, event: RunEvent) -> None:
            emitted.append(event)

    body = await files.take([inline()])
    run = msgspec.structs.replace(spec(), selected_outputs=("start.papers",))
    event = SelectedOutput("start", "papers", msgspec.Raw(msgspec.json.encode(body["papers"])))
    await files.contents.wrap_sink(run, RecordingSink()).emit(event)
    (selected,) = emitted
    assert isinstance(selected, SelectedOutput)
    assert json.loads(bytes(selected.value))[0]["base64"] == "aGVsbG8="

    monkeypatch.setattr(file_contents, "MAX_SELECTED_BYTES", len(bytes(event.value)) + 6)
    await files.contents.wrap_sink(run, RecordingSink()).emit(event)
    assert emitted[1:] == [event], "with its content it would be larger than a selected output may be"
