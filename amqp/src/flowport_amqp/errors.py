"""Errors of the AMQP client."""

from typing import TypeVar

E = TypeVar("E", bound="AmqpError")


class AmqpError(Exception):
    """Base class of this client's errors."""


class ConnectionClosed(AmqpError):
    """The connection ended or could not be established."""


class ProtocolError(ConnectionClosed):
    """The peer violated the protocol. Nothing after the violation is processed."""


class ChannelClosed(AmqpError):
    """The channel ended. `code` is the broker's reply code, 0 if the broker did not close it."""

    def __init__(self, text: str, *, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ConsumerCancelled(ChannelClosed):
    """The broker cancelled the consumer: its queue was deleted, or the queue's node is down."""


class CallTimeout(ChannelClosed):
    """The broker did not respond to a method in time. The channel is unusable."""


class PublishFailed(AmqpError):
    """A message was not accepted, or its outcome is unknown."""


class PublishRefused(PublishFailed):
    """The broker rejected the message (basic.nack), because the queue is full."""


class PublishReturned(PublishFailed):
    """A mandatory message was unroutable."""


class ConfirmTimeout(PublishFailed):
    """No confirm arrived in time. The broker may have accepted the message."""


class PublishBlocked(PublishFailed):
    """The broker blocks publishers because memory or disk is low. It may still accept messages in flight."""


def copy_error(error: E) -> E:
    """Return a copy of `error` without its traceback, to raise to each of many callers."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy
