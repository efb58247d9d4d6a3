"""Snapshots: an immutable state, addressed by its content."""

import hashlib
import json
from typing import Final

from shared.workflow.format.js_values import JsonObject

STATE_KEYS: Final = ("blocks", "edges", "loops", "parallels", "variables")


def snapshot_document(state: JsonObject) -> JsonObject:
    """Only what a snapshot keeps of a draft: `{blocks, edges, loops, parallels, variables}`, their order untouched."""
    return {key: state.get(key) or ([] if key == "edges" else {}) for key in STATE_KEYS}


def snapshot_hash(document: JsonObject) -> str:
    """SHA-256 in hex of the document's JSON. The order of keys counts: it can change what runs."""
    text = json.dumps(document, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
