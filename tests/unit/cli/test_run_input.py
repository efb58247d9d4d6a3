"""Input of `flowport run`."""

from pathlib import Path

import pytest
import typer

from flowport.commands.run import parse_input


def test_fields_override_the_document() -> None:
    assert parse_input('{"a": 1, "b": 2}', ["b=3", "c=text", 'd={"e": [1]}']) == {
        "a": 1,
        "b": 3,
        "c": "text",
        "d": {"e": [1]},
    }


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"a": 1}')
    assert parse_input(f"@{file}", ()) == {"a": 1}


@pytest.mark.parametrize("document", ["[1]", "{", "@/nowhere/at/all"])
def test_input_other_than_an_object_is_rejected(document: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_input(document, ())


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"a": "\xff"}', b"[" * 100_000])
def test_invalid_json_or_utf_8_is_rejected(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(content)
    with pytest.raises(typer.BadParameter, match="--input"):
        parse_input(f"@{file}", ())
    with pytest.raises(typer.BadParameter, match="--input"):
        parse_input(content.decode(errors="surrogateescape"), ())


def test_a_field_that_is_not_json_is_text() -> None:
    for text in ("1e999", "[" * 100_000, "\udcff"):
        assert parse_input(None, [f"a={text}"]) == {"a": text}


def test_a_field_needs_a_name() -> None:
    with pytest.raises(typer.BadParameter):
        parse_input(None, ["=1"])
