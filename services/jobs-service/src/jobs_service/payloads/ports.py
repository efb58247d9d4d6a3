"""Storage of large values."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol


class BlobRepository(Protocol):
    """Large values, per workspace, with a lifetime."""

    async def put(self, workspace_id: str, blob_id: str, chunks: AsyncIterator[bytes], lifetime: timedelta) -> int:
        """Store a value; return its size in bytes. A later one with the same id replaces it.

        Raises PayloadTooLarge.
        """

    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """Return the size and the bytes. Raises NotFound."""

    async def extend_lifetimes(self, workspace_id: str, blob_ids: Sequence[str], lifetime: timedelta) -> None:
        """Extend the lifetime of these values to at least `lifetime` from now."""

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired values; return how many."""
