"""Snapshots: immutable states, addressed by content hash."""

import hashlib
import json
from typing import Final

from shared.workflow.format.js_values import JsonObject

STATE_KEYS: Final = ("blocks", "edges", "loops", "parallels", "variables")


def snapshot_document(state: JsonObject) -> JsonObject:
    """Return a draft's part for snapshots: `{blocks, edges, loops, parallels, variables}`, in unchanged order."""
    return {key: state.get(key) or ([] if key == "edges" else {}) for key in STATE_KEYS}


def snapshot_hash(document: JsonObject) -> str:
    """Return SHA-256 in hex of the document's JSON. The order of keys counts: it can affect execution."""
    text = json.dumps(document, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
