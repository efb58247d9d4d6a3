"""Positions in lists that are ordered by a number, then by document id."""

from typing import Final, NamedTuple

from shared.errors import InvalidRequest
from shared.store.documents import Document

POSITION: Final = "position"
_BEFORE_ALL_KEYS: Final = ""
_BEHIND_ALL_KEYS: Final = "\U0010ffff"


class Place(NamedTuple):
    """The place of an existing or possible document."""

    at: int
    key: str

    @classmethod
    def of(cls, document: Document, *, by: str = POSITION) -> "Place":
        """Return the place of a document."""
        return cls(document[by], document["_id"])

    @classmethod
    def behind_all_at(cls, at: int, *, oldest_first: bool) -> "Place":
        """Return the place after all documents with this number."""
        return cls(at, _BEHIND_ALL_KEYS if oldest_first else _BEFORE_ALL_KEYS)

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """Parse a cursor. Raises InvalidRequest for an invalid one."""
        number, dot, key = cursor.partition(".")
        if not dot or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InvalidRequest("Invalid cursor")
        return cls(int(number), key)

    @property
    def cursor(self) -> str:
        """Return the cursor that callers use."""
        return f"{self.at}.{self.key}"

    def behind(self, *, by: str = POSITION, oldest_first: bool = False) -> Document:
        """Return the filter for documents after this place, among those whose number is not before its own."""
        after = "$gt" if oldest_first else "$lt"
        return {"$or": [{by: {after: self.at}}, {"_id": {after: self.key}}]}
