"""Every publish is answered exactly once: by the broker, by the clock, or by the end."""

import asyncio

import pytest

from flowport_amqp.confirms import Confirms
from flowport_amqp.errors import AmqpError, ChannelClosed, ConfirmTimeout, ProtocolError, Refused, Returned

LONG = 60.0


class Answers:
    """What each publish was told."""

    def __init__(self, confirms: Confirms, count: int) -> None:
        self.told: dict[int, list[AmqpError | None]] = {}
        for _ in range(count):
            number = len(self.told) + 1
            self.told[number] = []
            assert confirms.expect(self.told[number].append) == number


async def test_single_and_multiple_answers_settle_exactly_what_they_name() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 6)
    confirms.confirmed(2, multiple=False, taken=True)
    confirms.confirmed(4, multiple=True, taken=False)
    confirms.confirmed(4, multiple=True, taken=True)
    assert answers.told[2] == [None]
    assert all(isinstance(answers.told[n][0], Refused) and len(answers.told[n]) == 1 for n in (1, 3, 4))
    assert answers.told[5] == answers.told[6] == []
    assert len(confirms) == 2
    confirms.fail(ChannelClosed("over"))


async def test_a_returned_message_is_reported_although_it_is_confirmed() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 2)
    confirms.returned(1)
    confirms.confirmed(2, multiple=True, taken=True)
    assert isinstance(answers.told[1][0], Returned)
    assert answers.told[2] == [None]
    confirms.fail(ChannelClosed("over"))


async def test_an_unanswered_publish_times_out_and_a_late_answer_changes_nothing() -> None:
    confirms = Confirms(timeout=0.02)
    answers = Answers(confirms, 3)
    confirms.confirmed(2, multiple=False, taken=True)
    await asyncio.sleep(0.06)
    assert isinstance(answers.told[1][0], ConfirmTimeout)
    assert isinstance(answers.told[3][0], ConfirmTimeout)
    confirms.confirmed(3, multiple=True, taken=True)
    assert [len(told) for told in answers.told.values()] == [1, 1, 1]


async def test_the_end_answers_everything() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 3)
    over = ChannelClosed("over")
    confirms.fail(over)
    assert all(told == [over] for told in answers.told.values())
    assert len(confirms) == 0


async def test_an_answer_to_what_was_never_published_is_refused() -> None:
    confirms = Confirms(timeout=LONG)
    with pytest.raises(ProtocolError):
        confirms.confirmed(1, multiple=False, taken=True)


async def test_many_answers_at_once_stay_quick() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 20_000)
    confirms.confirmed(20_000, multiple=True, taken=True)
    assert all(told == [None] for told in answers.told.values())
    confirms.fail(ChannelClosed("over"))
