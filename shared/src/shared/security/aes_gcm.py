"""AES-256-GCM with a key ring: the first key encrypts, all of them decrypt."""

import os
from collections.abc import Sequence
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import Unavailable
from shared.security.key_list import parse_keys
from shared.security.sealed import Sealed

NONCE_BYTES: Final = 12


class AesGcmKeyRing:
    """Encrypts and decrypts values, bound to workspace and name by the cipher's additional data.

    `setting` is the setting that holds the keys.
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]], *, setting: str) -> None:
        self.setting = setting
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}

    @classmethod
    def parse(cls, text: str, *, setting: str = "FLOWPORT_ENVIRONMENT_KEYS") -> Self:
        """Read `id:base64,id:base64`, the encryption key first; empty for no keys. Raises ValueError, naming no key."""
        return cls(parse_keys(text), setting=setting)

    @property
    def active_key_id(self) -> str | None:
        """Return the encryption key's id; None without keys."""
        return next(iter(self._ciphers), None)

    def seal(self, value: str, *, workspace_id: str, name: str) -> Sealed:
        """Encrypt `value`. Raises Unavailable if there is no key."""
        key_id = self.active_key_id
        if key_id is None:
            raise Unavailable(f"{self.setting} is not set: secrets cannot be encrypted")
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[key_id].encrypt(nonce, value.encode(), _place(workspace_id, name))
        return Sealed(key_id, nonce, ciphertext)

    def open(self, sealed: Sealed, *, workspace_id: str, name: str) -> str:
        """Decrypt a value of this workspace and name. Raises Unavailable."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise Unavailable(
                f"secret {name} is encrypted with key {sealed.key_id}, which {self.setting} does not contain"
            )
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, _place(workspace_id, name)).decode()
        except InvalidTag:
            raise Unavailable(
                f"secret {name} cannot be decrypted: its value or key has changed. Set the secret again"
            ) from None


def _place(workspace_id: str, name: str) -> bytes:
    return f"{workspace_id}\0{name}".encode()
