"""Errors of the RabbitMQ adapter: from aio-pika and aiormq, and to the ports."""

from typing import Final

from aiormq import exceptions

from shared.broker.ports import BrokerDisconnected, BrokerUnavailable, QueueFull, ReplyOverflow, ReplyUnroutable

ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 406

_CODES: Final = {
    exceptions.ChannelAccessRefused: ACCESS_REFUSED,
    exceptions.ChannelNotFoundEntity: NOT_FOUND,
    exceptions.ChannelLockedResource: 405,
    exceptions.ChannelPreconditionFailed: PRECONDITION_FAILED,
}


class AmqpError(Exception):
    """Base class of the adapter's errors."""


class ConnectionClosed(AmqpError):
    """The connection ended or could not be established."""


class ChannelClosed(AmqpError):
    """The channel ended. `code` is the broker's reply code, 0 if the broker did not close it."""

    def __init__(self, text: str, *, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ConsumerCancelled(ChannelClosed):
    """The broker cancelled the consumer: its queue was deleted, or the queue's node is down."""


class CallTimeout(ChannelClosed):
    """The broker did not respond to a method in time. The channel is unusable."""


class PublishRefused(AmqpError):
    """The broker rejected the message (basic.nack), because the queue is full."""


class PublishReturned(AmqpError):
    """A mandatory message was unroutable."""


class ConfirmTimeout(AmqpError):
    """No confirm arrived in time. The broker may have accepted the message."""


class PublishBlocked(AmqpError):
    """The broker blocks publishers because memory or disk is low. It may still accept messages in flight."""


def reason_of(error: BaseException | None) -> str:
    """Return why a connection or channel ended, as text."""
    return str(error) or type(error).__name__ if error is not None else "the broker hung up"


def channel_error(error: BaseException | None) -> AmqpError:
    """Return why a channel ended."""
    if isinstance(error, OSError):  # aiormq's connection errors are OSErrors, too
        return ConnectionClosed(f"the connection was lost: {reason_of(error)}")
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)
    return ChannelClosed(f"the broker closed the channel: {reason_of(error)}", code=code)


def publish_failure(error: BaseException, seconds: float) -> AmqpError:
    """Return why the broker did not accept a message."""
    match error:
        case exceptions.PublishError():
            return PublishReturned("no queue for this message")
        case exceptions.DeliveryError():
            return PublishRefused("the broker refused the message")
        case TimeoutError():
            return ConfirmTimeout(f"no confirm within {seconds:g} s")
    return channel_error(error)


def publish_error(queue: str, error: AmqpError) -> QueueFull | BrokerUnavailable:
    """Return why a message did not reach its work queue."""
    if isinstance(error, PublishRefused):
        return QueueFull(f"queue {queue} is full")
    if isinstance(error, PublishReturned):
        return BrokerDisconnected(f"there is no queue {queue}")
    return BrokerUnavailable(f"queue {queue}: {error}")


def reply_error(error: AmqpError) -> ReplyOverflow | ReplyUnroutable | BrokerUnavailable:
    """Return why a batch did not reach its reader."""
    match error:
        case PublishRefused():
            return ReplyOverflow("the reply queue is full: its reader is too slow")
        case PublishReturned():
            return ReplyUnroutable("the reply queue no longer exists")
    return BrokerUnavailable(str(error))
