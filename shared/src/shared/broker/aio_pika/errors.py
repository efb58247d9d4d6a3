"""Errors of aio-pika and aiormq, translated to those of the adapter's client."""

from typing import Final

from aiormq import exceptions

from flowport_amqp.errors import AmqpError, CallTimeout, ChannelClosed, ConfirmTimeout, ConnectionClosed, PublishRefused
from flowport_amqp.errors import PublishReturned as ReturnedToSender

FAILURES: Final = (exceptions.AMQPError, OSError, RuntimeError)
"""RuntimeError: closed. OSError includes TimeoutError."""

_CODES: Final = {
    exceptions.ChannelAccessRefused: 403,
    exceptions.ChannelNotFoundEntity: 404,
    exceptions.ChannelLockedResource: 405,
    exceptions.ChannelPreconditionFailed: 406,
}


def closed_by(error: BaseException | None) -> str:
    """Return the reason as text."""
    return str(error) or type(error).__name__ if error is not None else "the broker hung up"


def call_error(error: BaseException, seconds: float) -> AmqpError:
    """Return why a call failed."""
    if isinstance(error, TimeoutError):
        return CallTimeout(f"no answer within {seconds:g} s")
    return channel_error(error)


def channel_error(error: BaseException | None) -> AmqpError:
    """Return why a channel ended."""
    if isinstance(error, exceptions.AMQPConnectionError | exceptions.ConnectionClosed):
        return ConnectionClosed(f"the connection was lost: {closed_by(error)}")
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)
    if isinstance(error, exceptions.ChannelClosed):
        code = getattr(error, "reply_code", None) or code
    return ChannelClosed(f"the broker closed the channel: {closed_by(error)}", code=code)


def publish_failure(error: BaseException, seconds: float) -> AmqpError:
    """Return why the broker did not accept a message."""
    match error:
        case exceptions.PublishError():
            return ReturnedToSender("no queue for this message")
        case exceptions.DeliveryError():
            return PublishRefused("the broker refused the message")
        case TimeoutError():
            return ConfirmTimeout(f"no confirm within {seconds:g} s")
    return channel_error(error)
