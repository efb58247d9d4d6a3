"""JSON values, inline in messages or by reference."""

from typing import Final

import msgspec

INLINE_LIMIT: Final = 1024 * 1024
"""Maximum bytes of inline JSON; brokers are unsuited to more."""


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """A JSON value of any size: small ones inline, larger ones by reference to the blob store of jobs-service."""

    inline: msgspec.Raw = msgspec.Raw()
    blob_id: str | None = None
    size: int = 0
    """JSON size in bytes."""
    logged: "Payload | None" = None
    """The value with secrets masked, for logs; None if it holds none."""

    @property
    def as_logged(self) -> "Payload":
        """Return the value for logs."""
        return self.logged or self

    def exact(self) -> "Payload":
        """Return the value without its masked form."""
        return msgspec.structs.replace(self, logged=None)


class StoredBlob(msgspec.Struct, frozen=True):
    """Reference to a stored large value."""

    blob_id: str
    size: int
