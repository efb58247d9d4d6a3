"""What can go wrong between us and a broker."""

from typing import TypeVar

E = TypeVar("E", bound="AmqpError")


class AmqpError(Exception):
    """Any failure of this client."""


class ConnectionClosed(AmqpError):
    """The connection is over, or could not be had: refused, cut, silent too long, or closed by either side."""


class ProtocolError(ConnectionClosed):
    """The peer sent what AMQP does not allow; nothing after it can be trusted."""


class ChannelClosed(AmqpError):
    """The channel is over. `code` is the broker's reply code, 0 when it was not the broker who closed it."""

    def __init__(self, text: str, *, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ConsumerCancelled(ChannelClosed):
    """The broker took the queue away that the channel consumed from: it was deleted, or its node is gone."""


class CallTimeout(ChannelClosed):
    """The broker did not answer a method in time; the channel can no longer be used."""


class PublishFailed(AmqpError):
    """One message was not taken, or nobody knows."""


class Refused(PublishFailed):
    """The broker refused the message (a negative confirm): its queue is full."""


class Returned(PublishFailed):
    """No queue was there to take the mandatory message."""


class ConfirmTimeout(PublishFailed):
    """No confirm came in time: the message may or may not have been taken."""


class Blocked(PublishFailed):
    """The broker is short of memory or disk and takes no messages now; one under way may still be taken later."""


def again(error: E) -> E:
    """Return a copy of `error` without its traceback, to raise to each of many callers."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy
