"""Client errors, translated to errors of the ports."""

from flowport_amqp.errors import AmqpError, PublishRefused, PublishReturned
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable, QueueFull, ReplyOverflow, ReplyUnroutable


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
