"""Stored documents."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.collection import AsyncCollection

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Document = dict[str, Any]
Collection = AsyncCollection[Document]


def known_fields(document: Document, kind: "type[DataclassInstance]") -> Document:
    """Return the fields of `document` that this version's `kind` knows: newer versions may have written more."""
    return {each.name: document[each.name] for each in fields(kind) if each.name in document}
