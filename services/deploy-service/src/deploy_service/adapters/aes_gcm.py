"""AES-256-GCM with a ring of keys: the first seals, all of them open."""

import os
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Sequence
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deploy_service.domain.environment import Sealed
from shared.errors import Unavailable

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class AesGcmKeyRing:
    """Implements KeyRing. A value is bound to its workspace and name by the cipher's additional data."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `id:base64,id:base64`, the sealing key first; empty for no keys. Raises ValueError, naming no key."""
        return cls([_parse_key(part.strip()) for part in text.split(",") if part.strip()])

    @property
    def active_key_id(self) -> str | None:
        """See KeyRing."""
        return next(iter(self._ciphers), None)

    def seal(self, value: str, *, workspace_id: str, name: str) -> Sealed:
        """See KeyRing."""
        key_id = self.active_key_id
        if key_id is None:
            raise Unavailable("environment values need FLOWPORT_ENVIRONMENT_KEYS, which is not set")
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[key_id].encrypt(nonce, value.encode(), _place(workspace_id, name))
        return Sealed(key_id, nonce, ciphertext)

    def open(self, sealed: Sealed, *, workspace_id: str, name: str) -> str:
        """See KeyRing."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise Unavailable(f"environment value {name} is sealed with a key that is not configured: {sealed.key_id}")
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, _place(workspace_id, name)).decode()
        except InvalidTag:
            raise Unavailable(f"environment value {name} cannot be opened: it or its key was changed") from None


def _parse_key(text: str) -> tuple[str, bytes]:
    key_id, _, encoded = text.partition(":")
    try:
        key = b64decode(encoded, altchars=b"-_" if {"-", "_"} & set(encoded) else None, validate=True)
    except BadBase64:
        key = b""
    if not key_id or len(key) != KEY_BYTES:
        raise ValueError(f"each key must be written as id:base64, with {KEY_BYTES} bytes of key")
    return key_id, key


def _place(workspace_id: str, name: str) -> bytes:
    return f"{workspace_id}\0{name}".encode()
