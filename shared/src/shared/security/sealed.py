"""A secret as it is stored."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted value and the id of the key that opens it."""

    key_id: str
    nonce: bytes
    ciphertext: bytes
