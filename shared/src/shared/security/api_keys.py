"""API keys: recognizable, verifiable offline, stored only as a hash."""

import hashlib
import secrets
import zlib
from base64 import urlsafe_b64encode
from typing import Final

PREFIX: Final = "sk-sim-"
_RANDOM_BYTES: Final = 24
_CHECK_LENGTH: Final = 6


def new_key() -> str:
    """Return `sk-sim-`, 192 random bits, and six characters of checksum, all in base64url."""
    body = secrets.token_urlsafe(_RANDOM_BYTES)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_mistyped(key: str) -> bool:
    """Return whether `key` has a key's format but a wrong checksum: a typing error needs no store lookup."""
    body, check = key[len(PREFIX) : -_CHECK_LENGTH], key[-_CHECK_LENGTH:]
    return key.startswith(PREFIX) and len(body) == 32 and _checksum(body) != check


def hash_key(key: str) -> str:
    """Return SHA-256 in hex, for storage and lookup. A plain hash is enough for 192 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def mask_key(key: str) -> str:
    """Return `sk-sim-...abcd`, for lists and samples."""
    return f"{PREFIX}...{key[-4:]}"


def _checksum(body: str) -> str:
    return urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().rstrip("=")
