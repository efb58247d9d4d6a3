"""Values of any size as documents."""

import msgspec

from shared.contracts.payloads import Payload
from shared.store.documents import Document


def encode_payload(payload: Payload) -> Document:
    """A value as it is stored: JSON as it came, or the name of its blob."""
    return {"inline": bytes(payload.inline), "blob_id": payload.blob_id, "size": payload.size}


def decode_payload(stored: Document) -> Payload:
    """A stored value."""
    if stored["blob_id"] is not None:
        return Payload(blob_id=stored["blob_id"], size=stored["size"])
    return Payload(inline=msgspec.Raw(stored["inline"]), size=stored["size"])
