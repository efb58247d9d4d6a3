"""References and markers are found in text, and nothing else is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.workflow.format.references import EnvMarker, Path, Reference, parse_steps, parse_text, texts

PIECES = st.sampled_from(
    [
        "<start.q>",
        "<a",
        ">",
        "<",
        "{{KEY}}",
        "{{",
        "}}",
        " ",
        ".",
        "<div>",
        "<a.b[0]>",
        "< a>",
        "a < b",
        "x=1",
        "\n",
        "é",
    ]
)


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("<start.q>", "start", ("q",)),
        ("<Agent 1.content>", "agent1", ("content",)),
        ("<ALPHA.result>", "alpha", ("result",)),
        ("<f1.result.a[0].b[1]>", "f1", ("result", "a", 0, "b", 1)),
        ("<f1.result.a.0.b.0>", "f1", ("result", "a", 0, "b", 0)),
        ("<f1.rows[1][2]>", "f1", ("rows", 1, 2)),
        ("<a.result.a-b>", "a", ("result", "a-b")),
        ("<start>", "start", ()),
        ("<Agent [1].content>", "agent[1]", ("content",)),
        ("<Mail [draft] - 2.content>", "mail[draft]-2", ("content",)),
        ("<loop.currentItem>", "loop", ("currentItem",)),
        ("<a.b[x]>", "a", ("b[x]",)),
        ("<div>", "div", ()),
    ],
)
def test_a_reference_has_a_root_and_a_path(text: str, name: str, path: Path) -> None:
    reference = parse_text(text).sole_reference
    assert reference is not None
    assert (reference.name, reference.path, reference.raw) == (name, path, text)


@pytest.mark.parametrize(
    "text",
    [
        "a < b && c > d",
        "k<len",
        "< start.q>",
        "<>",
        "<start.my field>",
        "<a + b>",
        "<a.b=c>",
        "<https://x.y>",
        '<img src="a.png">',
        "</b>",
        "<12>",
        "<a 5>",
        "<a<b>c",
    ],
)
def test_comparisons_and_tags_are_not_references(text: str) -> None:
    assert all(reference.raw not in (text, "<start.q>") for reference in parse_text(text).references)
    assert parse_text(text).source == text


def test_text_is_cut_into_its_parts() -> None:
    template = parse_text('{"q": "<start.q>", "k": "{{KEY}}", "h": "<b><Agent 1.content></b>"}')
    assert [part for part in template.parts if not isinstance(part, str)] == [
        Reference("<start.q>", "start", ("q",)),
        EnvMarker("{{KEY}}", "KEY"),
        Reference("<b>", "b", ()),
        Reference("<Agent 1.content>", "Agent 1", ("content",)),
    ]
    assert not template.is_literal
    assert parse_text("plain < text").is_literal


def test_blanks_belong_to_the_name_of_a_marker() -> None:
    assert parse_text("{{ KEY }}").parts == (EnvMarker("{{ KEY }}", " KEY "),)


def test_a_marker_around_a_reference_is_not_a_marker() -> None:
    assert [part for part in parse_text("{{<start.q>}}").parts if not isinstance(part, str)] == [
        Reference("<start.q>", "start", ("q",))
    ]


def test_the_path_is_shown_as_it_was_typed() -> None:
    for text, shown in (("<f1.a[0].b>", "a[0].b"), ("<f1>", ""), ("<f1.[0]>", "[0]")):
        reference = parse_text(text).sole_reference
        assert reference is not None
        assert reference.path_text == shown


@given(st.lists(PIECES).map("".join) | st.text())
@example("{{{KEY}}}")
@example("<" * 50 + "a.b" + ">" * 50)
def test_the_parts_of_a_text_are_the_text(text: str) -> None:
    template = parse_text(text)
    assert template.source == text
    assert all(part for part in template.parts)


def test_huge_indexes_are_just_keys() -> None:
    assert parse_steps("a." + "9" * 5000) == ("a", "9" * 5000)


def test_texts_are_found_at_any_depth() -> None:
    assert list(texts({"a": ["x", {"b": "y"}, 1, None], "c": "z"})) == ["x", "y", "z"]
