"""Words of runs: what a search finds, what it does not, and how many are stored."""

import itertools
import tracemalloc
from collections.abc import Sequence

import msgspec
import pytest
from tests.support.jobs.system import an_outcome, json_payload

from jobs_service.runs.words import (
    HASH_BYTES,
    MAX_VALUE_BYTES,
    MAX_WORD_CHARS,
    MAX_WORDS,
    HashedWords,
    hash_search,
    hash_values,
    words_of,
)
from shared.contracts.runs import ErrorCode, RunError, RunStatus


def hashes_in(words: HashedWords) -> set[bytes]:
    return {words.hashes[at : at + HASH_BYTES] for at in range(0, len(words.hashes), HASH_BYTES)}


def finds(text: str, *values: object, workspace_id: str = "w") -> bool:
    """Return whether a search for `text` finds a run with these values."""
    words = hash_values("w", [msgspec.json.encode(value) for value in values])
    searched: Sequence[bytes] = hash_search(workspace_id, text)
    return bool(searched) and set(searched) <= hashes_in(words)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ORD-4711", {"orderId": "ORD-4711"}),
        ("4711", {"orderId": "ORD-4711"}),
        ("ord-4711", "Where is order ORD-4711?"),
        ("joe@example.com", ["Joe <joe@example.com>"]),
        ("4711", {"order": 4711}),
        ("42.50", {"total": 42.50, "words": "42 or 50"}),
        ("refund late", "A late order. Refund it!"),
        ("straße", "In der Straße"),
        ("ﬁle", "file"),
        ("next", "first line\nnext line"),
        ("quoted", 'He "quoted" it'),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_run_is_found_by_words_that_its_values_contain(text: str, value: object) -> None:
    assert finds(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("4712", "ORD-4711"), ("471", "ORD-4711"), ("refund early", "A late refund"), ("n", "n"), ("?", "?"), ("", "")],
)
def test_a_run_is_not_found_by_other_words(text: str, value: object) -> None:
    assert not finds(text, value)


def test_hashes_of_one_workspace_find_nothing_in_another() -> None:
    assert finds("secret", "secret")
    assert not finds("secret", "secret", workspace_id="other")


def test_no_word_is_stored_in_clear_text() -> None:
    assert b"order" not in hash_values("w", [b'"order"']).hashes


def test_of_too_many_words_those_with_digits_are_stored() -> None:
    prose = " ".join(f"word{letter}{other}" for letter in "abcdefghijklmnop" for other in "abcdefghijklmnopqrst")
    words = hash_values("w", [f'"{prose} order 4711"'.encode()])

    assert len(words.hashes) == MAX_WORDS * HASH_BYTES
    assert words.is_cut
    assert set(hash_search("w", "4711")) <= hashes_in(words)


def test_words_beyond_the_limit_of_a_value_are_not_stored() -> None:
    words = hash_values("w", [b'"first' + b" " * MAX_VALUE_BYTES + b'last"'])

    assert words.is_cut
    assert len(words.hashes) == HASH_BYTES


def test_a_long_word_is_found_by_its_beginning_alone() -> None:
    assert finds("x" * MAX_WORD_CHARS, "x" * 1000)


def test_long_words_of_many_runs_take_little_memory() -> None:
    letters = itertools.cycle("abcdefgh")
    tracemalloc.start()
    try:
        for number in range(500):
            hash_values("w", [f"{number}{next(letters) * MAX_VALUE_BYTES}".encode()])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500 * 1024


def test_a_value_that_ends_within_a_character_is_read() -> None:
    assert hash_values("w", ["é".encode()[:1]]) == HashedWords()


def test_the_words_of_a_run_are_those_of_its_log() -> None:
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "order 4711 unknown", block_name="Look up")
    outcome = an_outcome(RunStatus.FAILED, b'{"key":"hunter2hunter2"}', error)
    masked = msgspec.structs.replace(outcome.output, logged=json_payload(b'{"key":"[REDACTED]"}'))
    words = hashes_in(words_of("w", msgspec.structs.replace(outcome, output=masked), ()))

    assert set(hash_search("w", "look 4711 unknown redacted")) <= words
    assert not set(hash_search("w", "hunter2hunter2")) & words
