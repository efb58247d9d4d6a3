"""JSON values that travel with messages, or stay behind and are only named."""

from typing import Final

import msgspec

INLINE_LIMIT: Final = 1024 * 1024
"""Bytes of JSON that travel inline at most; a broker is no place for more."""


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """A JSON value of any size: small ones inline, larger ones by reference to the blob store of jobs-service."""

    inline: msgspec.Raw = msgspec.Raw()
    blob_id: str | None = None
    size: int = 0
    """Bytes of JSON."""
    logged: "Payload | None" = None
    """The value with secrets masked, as logs show it; None where the value holds none."""

    @property
    def as_logged(self) -> "Payload":
        """The value as logs show it."""
        return self.logged or self

    def exact(self) -> "Payload":
        """Return the value without the form that logs show."""
        return msgspec.structs.replace(self, logged=None)


class StoredBlob(msgspec.Struct, frozen=True):
    """Where a large value went."""

    blob_id: str
    size: int
