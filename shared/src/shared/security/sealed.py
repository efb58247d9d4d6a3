"""Encrypted secrets for storage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted value and the id of its key."""

    key_id: str
    nonce: bytes
    ciphertext: bytes
