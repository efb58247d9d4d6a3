"""Messages whose headers pamqp, aiormq's parser, cannot read.

Any broker user can publish one: tables nested without end, a name that is not UTF-8. pamqp's error would end the
connection at each delivery, and the broker would redeliver the message without a limit. They are marked instead, and
`Channel.consume` rejects them (ADR 1). The same limit bounds the time that pamqp spends on large headers.
"""

from typing import Final

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

MAX_HEADER_BYTES: Final = 16 * 1024
"""Headers are ours or the broker's `x-death`; pamqp takes seconds for an array of 128 KiB."""
_MARKER: Final = "application/x-unreadable"

_unmarshal: Final = ContentHeader.unmarshal


def is_unreadable(message: DeliveredMessage) -> bool:
    """Return whether the headers of a message could not be parsed."""
    return message.header.properties.content_type == _MARKER


def _mark_unreadable(header: ContentHeader, data: bytes) -> None:
    try:
        _unmarshal(header, data[: MAX_HEADER_BYTES + 1])
        if len(data) <= MAX_HEADER_BYTES:
            return
    except Exception:  # noqa: S110
        pass
    header.properties = Basic.Properties(content_type=_MARKER)


ContentHeader.unmarshal = _mark_unreadable  # type: ignore[method-assign, assignment]
