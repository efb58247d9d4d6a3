"""Search a store for a text: every collection, GridFS chunks included, with packed documents unpacked."""

import zlib
from typing import Any

import bson
from pymongo import MongoClient

PACKED = "packed"
STORES_OWN = ("admin", "config", "local")
"""Database with the server's change log, which expires its entries."""


def places_of(text: str, mongodb_uri: str) -> set[str]:
    """Return the collections, as `database.collection`, that hold a document with this text."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        return {
            f"{database}.{collection}"
            for database in client.list_database_names()
            if database not in STORES_OWN
            for collection in client[database].list_collection_names()
            if any(text.encode() in _bytes_of(document) for document in client[database][collection].find())
        }


def _bytes_of(document: dict[str, Any]) -> bytes:
    packed = document.get(PACKED)
    return bson.encode(document) + (zlib.decompress(packed) if packed else b"")
