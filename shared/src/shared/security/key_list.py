"""Secret keys in settings: `id:base64,id:base64`."""

from base64 import b64decode
from binascii import Error as BadBase64
from typing import Final

KEY_BYTES: Final = 32


def parse_keys(text: str) -> list[tuple[str, bytes]]:
    """Return the keys of a list, in order, with their ids. Raises ValueError, naming no key."""
    return [_parse_key(part.strip()) for part in text.split(",") if part.strip()]


def _parse_key(text: str) -> tuple[str, bytes]:
    key_id, _, encoded = text.partition(":")
    try:
        key = b64decode(encoded, altchars=b"-_" if {"-", "_"} & set(encoded) else None, validate=True)
    except BadBase64:
        key = b""
    if not key_id or len(key) != KEY_BYTES:
        raise ValueError(f"each key must be written as id:base64, with {KEY_BYTES} bytes of key")
    return key_id, key
