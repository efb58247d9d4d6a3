"""Cursors of lists that are ordered by a number, then by document id."""

from typing import Final, NamedTuple

from shared.errors import InvalidRequest
from shared.store.client import Document

POSITION: Final = "position"
_BEFORE_ALL_KEYS: Final = ""
_AFTER_ALL_KEYS: Final = "\U0010ffff"


class Cursor(NamedTuple):
    """Position of an existing or possible document."""

    at: int
    key: str

    @classmethod
    def of(cls, document: Document, *, by: str = POSITION) -> "Cursor":
        """Return the cursor of a document."""
        return cls(document[by], document["_id"])

    @classmethod
    def after_all_at(cls, at: int, *, oldest_first: bool) -> "Cursor":
        """Return the cursor after all documents with this number."""
        return cls(at, _AFTER_ALL_KEYS if oldest_first else _BEFORE_ALL_KEYS)

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor in `text`. Raises InvalidRequest."""
        number, dot, key = text.partition(".")
        if not dot or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InvalidRequest("Invalid cursor")
        return cls(int(number), key)

    @property
    def text(self) -> str:
        """Return the text that callers use."""
        return f"{self.at}.{self.key}"

    def after(self, *, by: str = POSITION, oldest_first: bool = False) -> Document:
        """Return the filter for documents after this cursor, among those whose number is not before its own."""
        sign = "$gt" if oldest_first else "$lt"
        return {"$or": [{by: {sign: self.at}}, {"_id": {sign: self.key}}]}
