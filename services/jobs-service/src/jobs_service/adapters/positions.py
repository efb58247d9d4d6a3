"""Where runs and deliveries stand in the queue and in lists: by time, then by their order within one millisecond."""

from datetime import datetime
from typing import Final, NamedTuple
from zlib import crc32

from jobs_service.adapters.moments import to_ms
from shared.errors import InvalidRequest
from shared.store.documents import Document

PER_MS: Final = 4096
LAST_ORDER: Final = PER_MS - 1
"""Nothing of its millisecond stands behind it."""
_BEFORE_ALL_KEYS: Final = ""
_BEHIND_ALL_KEYS: Final = "\U0010ffff"


def position_of(created_at: datetime, order: int) -> int:
    """The place of what is the `order`-th of its batch."""
    return to_ms(created_at) * PER_MS + order % PER_MS


def order_of_attached(run_id: str) -> int:
    """A stable order among attached runs of one millisecond."""
    return crc32(run_id.encode())


class Place(NamedTuple):
    """A document in a list, or a place where one could be; keys tell those of one position apart."""

    position: int
    key: str

    @classmethod
    def of(cls, document: Document) -> "Place":
        """Where it stands."""
        return cls(document["position"], document["_id"])

    @classmethod
    def behind_all_at(cls, position: int, *, oldest_first: bool) -> "Place":
        """Everything of this position is before it."""
        return cls(position, _BEHIND_ALL_KEYS if oldest_first else _BEFORE_ALL_KEYS)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """What a cursor names. Raises InvalidRequest for one that is none of ours."""
        position, dot, key = cursor.partition(".")
        if not dot or not position.isascii() or not position.isdigit() or len(position) > 18:
            raise InvalidRequest("Invalid cursor")
        return cls(int(position), key)

    @property
    def cursor(self) -> str:
        """What names it to callers."""
        return f"{self.position}.{self.key}"

    def excluded(self, *, oldest_first: bool) -> Document:
        """Leaves what stands behind it, of those whose position is not before its own."""
        after = "$gt" if oldest_first else "$lt"
        return {"$or": [{"position": {after: self.position}}, {"_id": {after: self.key}}]}
