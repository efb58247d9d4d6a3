"""Large values."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Protocol


class Blobs(Protocol):
    """Large values, per workspace, with a lifetime."""

    async def put(self, workspace_id: str, blob_id: str, chunks: AsyncIterator[bytes], lifetime: timedelta) -> int:
        """Store a value; returns its size in bytes. A later one under the same id replaces it.

        Raises PayloadTooLarge.
        """
        ...

    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """The size and the bytes. Raises NotFound."""
        ...

    async def keep(self, workspace_id: str, blob_ids: Sequence[str], lifetime: timedelta) -> None:
        """Let these values live for at least `lifetime` from now."""
        ...

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` values whose time is over; returns how many."""
        ...
