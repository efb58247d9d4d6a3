"""Inserts that unique indexes may refuse."""

from pymongo.errors import DuplicateKeyError

from shared.store.client import Collection, Document


async def insert_if_free(collection: Collection, document: Document) -> bool:
    """Insert a document unless a unique field is taken; return whether it is stored."""
    try:
        await collection.insert_one(document)
    except DuplicateKeyError:
        # The driver repeats a write if it lost the answer: then this very document is stored.
        return await collection.find_one({"_id": document["_id"]}, {"_id": True}) is not None
    return True
