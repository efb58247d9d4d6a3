"""Places in lists: a list is ordered by a number of its documents, then by their ids."""

from typing import Final

from shared.errors import InvalidRequest
from shared.store.documents import Document

POSITION: Final = "position"


def cursor_of(document: Document, *, by: str = POSITION) -> str:
    """What names the place behind a document in a list."""
    return f"{document[by]}.{document['_id']}"


def behind(cursor: str, *, by: str = POSITION, oldest_first: bool = False) -> Document:
    """What stands behind a place, in the order of the list. Raises InvalidRequest for a cursor that is none of ours."""
    number, dot, key = cursor.partition(".")
    if not dot or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InvalidRequest("Invalid cursor")
    at, after = int(number), "$gt" if oldest_first else "$lt"
    return {by: {f"{after}e": at}, "$or": [{by: {after: at}}, {"_id": {after: key}}]}
