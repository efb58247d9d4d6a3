"""Compressed JSON in store documents, because a state may exceed a document's size."""

import asyncio
import zlib
from typing import Final

from shared.errors import PayloadTooLarge

PACKED_LIMIT: Final = 15 * 2**20
"""Bytes: a store document holds 16 MiB, including its other fields."""


async def pack(document: bytes) -> bytes:
    """Compress outside the event loop. Raises PayloadTooLarge if the result does not fit into a store document."""
    packed = await asyncio.to_thread(zlib.compress, document)
    if len(packed) > PACKED_LIMIT:
        raise PayloadTooLarge(f"The workflow has {len(packed)} bytes when compressed; the limit is {PACKED_LIMIT}")
    return packed


async def unpack(packed: bytes) -> bytes:
    """Decompress a packed document."""
    return await asyncio.to_thread(zlib.decompress, packed)
