"""JSON values follow JavaScript's rules for text, numbers and truth."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.workflow_states import json_values

from shared.workflow.format.js_values import MISSING, Json, parse_json, stringify, to_number, to_string, truthy
from shared.workflow.format.sizes import MAX_NESTING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        ("x", "x"),
        ([1, None, [2, "a"]], "1,,2,a"),
        ({}, "[object Object]"),
    ],
)
def test_string_of_a_value(value: Json, text: str) -> None:
    assert to_string(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, 0),
        (True, 1),
        ("", 0),
        ("  \ufeff\n", 0),
        (" 12 ", 12),
        ("1.50", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("0x1F", 31),
        ("0b11", 3),
        ("-Infinity", -math.inf),
        ([], 0),
        (["7"], 7),
        (2.5, 2.5),
    ],
)
def test_number_of_a_value(value: Json, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize("value", ["12px", "1_000", "-0x1", "infinity", "nan", "١٢", {}, [1, 2], "1 2"])
def test_a_non_number_is_nan(value: Json) -> None:
    assert math.isnan(to_number(value))


@pytest.mark.parametrize("text", ["1" * 1_000_000 + "x", "." + "1" * 1_000_000 + "x", "1e" + "1" * 1_000_000 + "x"])
def test_endless_digits_block_nothing(text: str) -> None:
    assert math.isnan(to_number(text))


@pytest.mark.parametrize(
    ("value", "is_true"),
    [([], True), ({}, True), ("0", True), ("", False), (0, False), (math.nan, False), (None, False), (MISSING, False)],
)
def test_truth_of_a_value(value: Json, is_true: bool) -> None:
    assert truthy(value) is is_true


def test_stringify_writes_what_javascript_writes() -> None:
    value: Json = {"b": [1.0, math.nan, "ü\u2028\n\"'\ud800"], "a": {}, "c": []}
    assert stringify(value) == '{"b":[1,null,"ü\u2028\\n\\"\'\\ud800"],"a":{},"c":[]}'
    assert stringify({"a": [1, {"b": 2}], "e": []}, indent=2) == json.dumps({"a": [1, {"b": 2}], "e": []}, indent=2)
    assert stringify({"b": 1, "a": 2}, sort_keys=True) == '{"a":2,"b":1}'


@given(json_values())
def test_the_output_of_stringify_reads_back(value: Json) -> None:
    for indent in (0, 2):
        text = stringify(value, indent)
        read = parse_json(text)
        assert read is not MISSING
        assert stringify(read, indent) == text


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "'a'", "[" * 100_000])
def test_invalid_json_is_missing(text: str) -> None:
    assert parse_json(text) is MISSING


@given(st.text(' \t\n\r\ufeff[]{}"0-1etfnrualsINy,:a', max_size=6) | json_values().map(json.dumps))
def test_json_accepted_by_python_is_json_except_invalid_numbers(text: str) -> None:
    def refused(name: str) -> None:
        raise ValueError(name)

    try:
        read = json.loads(text, parse_constant=refused)
    except ValueError:
        read = MISSING
    assert parse_json(text) == read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'["\ud800"]', ["\ufffd"]),
        (r'{"a\uDFFF": ["x\uD83D", 1]}', {"a\ufffd": ["x\ufffd", 1]}),
        (r'"\ud83d\ude00 \ude00\ud83d"', "\U0001f600 \ufffd\ufffd"),
        (r'"\\ud800"', r"\ud800"),
    ],
)
def test_half_a_surrogate_pair_is_replaced(text: str, value: Json) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":[', "]}"), ("[1,", "]")])
def test_json_may_nest_as_deeply_as_in_a_call_and_no_deeper(opening: str, closing: str) -> None:
    times = MAX_NESTING // (opening.count("[") + opening.count("{"))
    assert parse_json(opening * times + "0" + closing * times) is not MISSING
    assert parse_json("[" + opening * times + "0" + closing * times + "]") is MISSING
    assert parse_json("[" + "[]," * 1_000 + "[]]") == [[]] * 1_001


@given(st.text(st.characters(categories=["Cs", "Lu", "So"])))
def test_any_parsed_value_can_be_encoded_and_sent(text: str) -> None:
    read = parse_json(json.dumps({text: [text]}))
    assert msgspec.json.decode(msgspec.json.encode(read)) == read


def test_values_of_maximum_depth_can_be_encoded_with_and_without_an_indent() -> None:
    text = "[" * MAX_NESTING + "0.5" + "]" * MAX_NESTING
    value = parse_json(text)
    assert value is not MISSING
    assert stringify(value) == text
    assert parse_json(stringify(value, 2)) == value


@given(json_values())
def test_the_quick_writer_writes_the_same_as_the_exact_one(value: Json) -> None:
    assert stringify([value, 0.5]) == f"[{stringify(value)},0.5]"
