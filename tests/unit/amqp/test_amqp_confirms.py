"""Every publish is settled exactly once: by the broker, the timeout or the end."""

import asyncio

import pytest

from flowport_amqp.confirms import Confirms
from flowport_amqp.errors import (
    AmqpError,
    ChannelClosed,
    ConfirmTimeout,
    ProtocolError,
    PublishRefused,
    PublishReturned,
)

LONG = 60.0


class Answers:
    """The outcome of each publish."""

    def __init__(self, confirms: Confirms, count: int) -> None:
        self.results: dict[int, list[AmqpError | None]] = {}
        for _ in range(count):
            number = len(self.results) + 1
            self.results[number] = []
            assert confirms.expect(self.results[number].append) == number


async def test_single_and_multiple_confirms_settle_the_named_publishes() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 6)
    confirms.on_confirm(2, multiple=False, accepted=True)
    confirms.on_confirm(4, multiple=True, accepted=False)
    confirms.on_confirm(4, multiple=True, accepted=True)
    assert answers.results[2] == [None]
    assert all(isinstance(answers.results[n][0], PublishRefused) and len(answers.results[n]) == 1 for n in (1, 3, 4))
    assert answers.results[5] == answers.results[6] == []
    assert len(confirms) == 2
    confirms.fail(ChannelClosed("over"))


async def test_a_returned_message_fails_although_it_is_confirmed() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 2)
    confirms.on_return(1)
    confirms.on_confirm(2, multiple=True, accepted=True)
    assert isinstance(answers.results[1][0], PublishReturned)
    assert answers.results[2] == [None]
    confirms.fail(ChannelClosed("over"))


async def test_an_unconfirmed_publish_times_out_and_a_late_confirm_is_ignored() -> None:
    confirms = Confirms(timeout=0.02)
    answers = Answers(confirms, 3)
    confirms.on_confirm(2, multiple=False, accepted=True)
    await asyncio.sleep(0.06)
    assert isinstance(answers.results[1][0], ConfirmTimeout)
    assert isinstance(answers.results[3][0], ConfirmTimeout)
    confirms.on_confirm(3, multiple=True, accepted=True)
    assert [len(results) for results in answers.results.values()] == [1, 1, 1]


async def test_the_end_fails_all_pending_publishes() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 3)
    over = ChannelClosed("over")
    confirms.fail(over)
    assert all(results == [over] for results in answers.results.values())
    assert len(confirms) == 0


async def test_a_confirm_for_an_unknown_publish_is_an_error() -> None:
    confirms = Confirms(timeout=LONG)
    with pytest.raises(ProtocolError):
        confirms.on_confirm(1, multiple=False, accepted=True)


async def test_many_confirms_take_linear_time() -> None:
    confirms = Confirms(timeout=LONG)
    answers = Answers(confirms, 20_000)
    confirms.on_confirm(20_000, multiple=True, accepted=True)
    assert all(results == [None] for results in answers.results.values())
    confirms.fail(ChannelClosed("over"))
