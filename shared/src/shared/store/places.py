"""Places in lists: a list is ordered by a number of its documents, then by their ids."""

from typing import Final, NamedTuple

from shared.errors import InvalidRequest
from shared.store.documents import Document

POSITION: Final = "position"
_BEFORE_ALL_KEYS: Final = ""
_BEHIND_ALL_KEYS: Final = "\U0010ffff"


class Place(NamedTuple):
    """That of a document, or one where a document could be."""

    at: int
    key: str

    @classmethod
    def of(cls, document: Document, *, by: str = POSITION) -> "Place":
        """Where it stands."""
        return cls(document[by], document["_id"])

    @classmethod
    def behind_all_at(cls, at: int, *, oldest_first: bool) -> "Place":
        """Everything that has this number is before it."""
        return cls(at, _BEHIND_ALL_KEYS if oldest_first else _BEFORE_ALL_KEYS)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """What a cursor names. Raises InvalidRequest for one that is none of ours."""
        number, dot, key = cursor.partition(".")
        if not dot or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InvalidRequest("Invalid cursor")
        return cls(int(number), key)

    @property
    def cursor(self) -> str:
        """What names it to callers."""
        return f"{self.at}.{self.key}"

    def behind(self, *, by: str = POSITION, oldest_first: bool = False) -> Document:
        """Leaves what stands behind it, of those whose number is not before its own."""
        after = "$gt" if oldest_first else "$lt"
        return {"$or": [{by: {after: self.at}}, {"_id": {after: self.key}}]}
