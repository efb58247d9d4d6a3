"""Encode and decode broker message bodies, with one size limit."""

from dataclasses import dataclass, field

from shared.broker.queue_topology import MAX_MESSAGE_BYTES, MIB
from shared.contracts.messages import (
    Bundle,
    ControlMessage,
    EventBatch,
    Message,
    UnreadableMessage,
    decode,
    encode,
)
from shared.errors import PayloadTooLarge


def encode_body(message: Message, *, traceparent: str | None = None) -> bytes:
    """Return the encoded `message`. Raises PayloadTooLarge."""
    body = encode(message, traceparent=traceparent)
    if len(body) > MAX_MESSAGE_BYTES:
        raise PayloadTooLarge(f"a message of {len(body)} bytes is over the limit of {MAX_MESSAGE_BYTES // MIB} MiB")
    return body


@dataclass(frozen=True, slots=True)
class Replies:
    """Batches in one message of a reply inbox."""

    batches: list[EventBatch] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    """Why all or part of it could not be read."""
    worker: str = ""
    free: int = 0


def decode_replies(body: bytes) -> Replies:
    """Read a batch of events, or a bundle of batches; an unreadable batch does not affect the others."""
    replies = Replies()
    outer = _read(body, replies)
    parts: list[Message | None] = [outer]
    if isinstance(outer, Bundle):
        replies = Replies(worker=outer.worker, free=outer.free)
        parts = [_read(bytes(part), replies) for part in outer.parts]
    for message in parts:
        if isinstance(message, EventBatch):
            replies.batches.append(message)
        elif message is not None:
            replies.unreadable.append(f"{type(message).__name__} does not belong into a reply inbox")
    return replies


def _read(body: bytes, replies: Replies) -> Message | None:
    try:
        return decode(body).message
    except UnreadableMessage as error:
        replies.unreadable.append(str(error))
        return None


def decode_control(body: bytes) -> ControlMessage:
    """Return the control message in `body`. Raises UnreadableMessage."""
    message = decode(body).message
    if not isinstance(message, ControlMessage):
        raise UnreadableMessage(f"{type(message).__name__} does not belong on the control bus")
    return message
