"""Conversions between structs and documents."""

from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

import msgspec

from shared.store.client import Document

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound=msgspec.Struct)


def document_of(value: msgspec.Struct, *, key: str = "id") -> Document:
    """Return a struct as a document whose `_id` is the field `key`."""
    stored: Document = msgspec.structs.asdict(value)
    return {"_id": stored.pop(key), **stored}


def struct_of(document: Document, kind: type[S], *, key: str = "id") -> S:
    """Return the struct of a document whose `_id` is the field `key`."""
    return msgspec.convert({**document, key: document["_id"]}, kind)


def known_fields(document: Document, kind: "type[DataclassInstance]") -> Document:
    """Return the fields of `document` that this version's `kind` knows: newer versions may have written more."""
    return {each.name: document[each.name] for each in fields(kind) if each.name in document}
