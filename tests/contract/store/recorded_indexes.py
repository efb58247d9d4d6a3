"""Recorded and declared indexes."""

from pathlib import Path
from typing import Any

import msgspec

from flowport.admin.store_indexes import INDEXES

RECORDED = Path(__file__).parent / "recorded_indexes.json"


def declared() -> dict[str, Any]:
    """Return every index of this version, by service, collection and name."""
    return {
        f"{service}.{index.collection}.{document['name']}": msgspec.to_builtins(document)
        for service, indexes in INDEXES.items()
        for index in indexes
        for document in [{**index.model().document, "key": dict(index.keys)}]
    }
