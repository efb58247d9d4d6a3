"""A look into the journal: which blocks of which runs will never run again."""

import json
from collections.abc import Iterable

from pymongo import MongoClient

PREFIX = "flowport"


def journaled_blocks(mongodb_uri: str, run_ids: Iterable[str]) -> set[tuple[str, str]]:
    """The blocks that are in the store as done, by run id and block id."""
    with MongoClient[dict[str, object]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        query = {"run_id": {"$in": list(run_ids)}, "kind": "block"}
        found = list(client[f"{PREFIX}_jobs"]["journal"].find(query))
    return {(str(entry["run_id"]), json.loads(bytes(_bytes(entry["data"])))["log"]["blockId"]) for entry in found}


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
