"""Where runs and deliveries stand in the queue and in lists: by time, then by their order within one millisecond."""

from datetime import datetime
from typing import Final
from zlib import crc32

from jobs_service.adapters.moments import to_ms
from shared.errors import InvalidRequest
from shared.store.documents import Document

_PER_MS: Final = 4096
LAST_ORDER: Final = _PER_MS - 1
"""Nothing of its millisecond stands behind it."""


def position_of(created_at: datetime, order: int) -> int:
    """The place of what is the `order`-th of its batch."""
    return to_ms(created_at) * _PER_MS + order % _PER_MS


def order_of_attached(run_id: str) -> int:
    """A stable order among attached runs of one millisecond."""
    return crc32(run_id.encode())


def cursor_of(document: Document) -> str:
    """What names the place behind a document in a list."""
    return f"{document['position']}.{document['_id']}"


def behind(cursor: str, *, oldest_first: bool = False) -> Document:
    """What stands behind a place, in the order of the list. Raises InvalidRequest for a cursor that is none of ours."""
    position, dot, key = cursor.partition(".")
    if not dot or not position.isascii() or not position.isdigit() or len(position) > 18:
        raise InvalidRequest("Invalid cursor")
    at, after = int(position), "$gt" if oldest_first else "$lt"
    return {"position": {f"{after}e": at}, "$or": [{"position": {after: at}}, {"_id": {after: key}}]}
