"""A conversation is bounded, and stores each append once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_service.conversations import APPENDS_KNOWN, ConversationLimits, Transcript
from shared.contracts.conversations import LONGEST_MESSAGE, ConversationMessage
from shared.errors import PayloadTooLarge

SHORT_BYTES = len(msgspec.json.encode(ConversationMessage("user", "a", once="1")))
WIDE = ConversationLimits(messages=1000, size=1024 * 1024)


def messages_of(*texts: str) -> list[ConversationMessage]:
    return [ConversationMessage("user", text) for text in texts]


def texts(transcript: Transcript) -> list[str]:
    return [message.content for message in transcript.messages]


def test_additions_are_appended() -> None:
    transcript = Transcript().appended(messages_of("a", "b"), "1", WIDE).appended(messages_of("c"), "2", WIDE)
    assert texts(transcript) == ["a", "b", "c"]


def test_a_message_knows_the_append_that_it_came_with() -> None:
    transcript = Transcript().appended(messages_of("a"), "1", WIDE).appended(messages_of("b"), "2", WIDE)
    assert [message.once for message in transcript.messages] == ["1", "2"]


def test_a_repeated_append_changes_nothing() -> None:
    once = Transcript().appended(messages_of("a"), "1", WIDE)
    assert once.appended(messages_of("a"), "1", WIDE) is once


def test_the_number_of_stored_append_ids_is_bounded() -> None:
    transcript = Transcript()
    for number in range(APPENDS_KNOWN + 5):
        transcript = transcript.appended(messages_of("a"), str(number), WIDE)
    assert len(transcript.appends) == APPENDS_KNOWN
    assert transcript.appends[-1] == str(APPENDS_KNOWN + 4)


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        (ConversationLimits(messages=2, size=1000), ["ü", "c"]),
        (ConversationLimits(messages=9, size=2 * SHORT_BYTES + 1), ["ü", "c"]),
        (ConversationLimits(messages=9, size=2 * SHORT_BYTES), ["c"]),
    ],
)
def test_the_oldest_go_first(limits: ConversationLimits, left: list[str]) -> None:
    assert texts(Transcript().appended(messages_of("a", "ü", "c"), "1", limits)) == left


def test_characters_that_json_escapes_count_as_they_are_stored() -> None:
    appended = Transcript().appended(
        messages_of("a", "\x1b\x1b", "c"), "1", ConversationLimits(9, 2 * SHORT_BYTES + 10)
    )
    assert texts(appended) == ["c"]


def test_a_message_that_is_too_long_is_refused() -> None:
    with pytest.raises(PayloadTooLarge):
        Transcript().appended(messages_of("x" * (LONGEST_MESSAGE + 1)), "1", WIDE)


@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=20), st.integers(1, 10), st.integers(1, 500))
def test_the_history_stays_within_its_limits_and_keeps_its_end(rounds: list[list[str]], count: int, size: int) -> None:
    transcript = Transcript()
    for number, spoken in enumerate(rounds):
        transcript = transcript.appended(messages_of(*spoken), str(number), ConversationLimits(count, size))
    left, everything = texts(transcript), [text for spoken in rounds for text in spoken]
    assert len(left) <= count
    assert sum(len(msgspec.json.encode(message)) for message in transcript.messages) <= size
    assert everything[len(everything) - len(left) :] == left


def test_a_message_may_have_the_maximum_length() -> None:
    longest = "x" * LONGEST_MESSAGE
    assert texts(Transcript().appended(messages_of(longest), "1", WIDE)) == [longest]
