"""How `flowport run` reads its input."""

from pathlib import Path

import pytest
import typer

from flowport.commands.run import input_of


def test_fields_win_over_the_document() -> None:
    assert input_of('{"a": 1, "b": 2}', ["b=3", "c=text", 'd={"e": [1]}']) == {
        "a": 1,
        "b": 3,
        "c": "text",
        "d": {"e": [1]},
    }


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"a": 1}')
    assert input_of(f"@{file}", ()) == {"a": 1}


@pytest.mark.parametrize("document", ["[1]", "{", "@/nowhere/at/all"])
def test_what_is_no_object_is_refused(document: str) -> None:
    with pytest.raises(typer.BadParameter):
        input_of(document, ())


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_json_in_utf_8_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(content)
    with pytest.raises(typer.BadParameter, match="--input"):
        input_of(f"@{file}", ())
    with pytest.raises(typer.BadParameter, match="--input"):
        input_of(content.decode(errors="surrogateescape"), ())


def test_a_field_that_is_no_json_is_text() -> None:
    for text in ("1e999", "[" * 100_000, "\udcff"):
        assert input_of(None, [f"a={text}"]) == {"a": text}


def test_a_field_needs_a_name() -> None:
    with pytest.raises(typer.BadParameter):
        input_of(None, ["=1"])
