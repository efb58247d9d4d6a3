"""JSON documents inside the store's documents: compressed, because a state may be larger than a document can be."""

import asyncio
import zlib
from typing import Final

from shared.errors import PayloadTooLarge

PACKED_LIMIT: Final = 15 * 2**20
"""Bytes: a store document holds 16 MiB, the rest is for the fields beside."""


async def pack(document: bytes) -> bytes:
    """Compress off the event loop. Raises PayloadTooLarge when a store document cannot hold the result."""
    packed = await asyncio.to_thread(zlib.compress, document)
    if len(packed) > PACKED_LIMIT:
        raise PayloadTooLarge(f"the workflow takes {len(packed)} bytes when compressed; the limit is {PACKED_LIMIT}")
    return packed


async def unpack(packed: bytes) -> bytes:
    """What was packed."""
    return await asyncio.to_thread(zlib.decompress, packed)
