"""Bodies on their way to and from a broker: one size limit, and no surprise about what is inside."""

from shared.broker.topology import MAX_MESSAGE_BYTES, MIB
from shared.contracts.messages import (
    ControlMessage,
    EventBatch,
    Message,
    UnreadableMessage,
    decode,
    encode,
)
from shared.errors import PayloadTooLarge


def outgoing(message: Message, *, traceparent: str | None = None) -> bytes:
    """`message` as it is published. Raises PayloadTooLarge."""
    body = encode(message, traceparent=traceparent)
    if len(body) > MAX_MESSAGE_BYTES:
        raise PayloadTooLarge(f"a message of {len(body)} bytes is over the limit of {MAX_MESSAGE_BYTES // MIB} MiB")
    return body


def incoming_batch(body: bytes) -> EventBatch:
    """What a reply inbox received. Raises UnreadableMessage."""
    message = decode(body).message
    if not isinstance(message, EventBatch):
        raise UnreadableMessage(f"{type(message).__name__} does not belong into a reply inbox")
    return message


def incoming_control(body: bytes) -> ControlMessage:
    """What came over the control bus. Raises UnreadableMessage."""
    message = decode(body).message
    if not isinstance(message, ControlMessage):
        raise UnreadableMessage(f"{type(message).__name__} does not belong on the control bus")
    return message
