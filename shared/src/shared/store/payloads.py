"""Payloads as documents."""

from typing import Final

import msgspec

from shared.contracts.payloads import Payload
from shared.store.client import Document

LOGGED: Final = "logged"
"""Field for the masked form of a value, if it differs."""


def encode_payload(payload: Payload) -> Document:
    """Return the stored form of a payload: its original JSON, or its blob's id."""
    stored: Document = {"inline": bytes(payload.inline), "blob_id": payload.blob_id, "size": payload.size}
    return stored if payload.logged is None else {**stored, LOGGED: encode_payload(payload.logged)}


def decode_payload(stored: Document) -> Payload:
    """Return the payload from its stored form."""
    logged = decode_payload(stored[LOGGED]) if LOGGED in stored else None
    if stored["blob_id"] is not None:
        return Payload(blob_id=stored["blob_id"], size=stored["size"], logged=logged)
    return Payload(inline=msgspec.Raw(stored["inline"]), size=stored["size"], logged=logged)
