"""What a store holds."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.collection import AsyncCollection

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Document = dict[str, Any]
Collection = AsyncCollection[Document]


def known(document: Document, kind: "type[DataclassInstance]") -> Document:
    """What this version's `kind` has of `document`: a newer one, beside us or before us, may have written more."""
    return {each.name: document[each.name] for each in fields(kind) if each.name in document}
