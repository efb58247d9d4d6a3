"""Packs: recordings of one workflow that are stored as one document, and encrypted with one key.

A document for each recording would cost the store more than a short run costs everything else.
"""

import os
import zlib
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.contracts.recordings import RecordingSummary
from shared.errors import Unavailable
from shared.ids import new_id, public_run_id, time_in
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Collection as Documents
from shared.store.client import Document
from shared.store.sealed_documents import read_sealed

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Longer content is stored in chunks beside the document."""
NONCE_BYTES: Final = 12
KEY_BITS: Final = 256
COMPRESSION: Final = 1
KEY: Final = "key"
CONTENT_ID: Final = "content_id"
"""Names the chunks of a pack."""
NO_CONTENT: Final = {"data": 0, KEY: 0}
NEAR_MS: Final = 60_000
"""How far the times in run ids may be from that of their pack: a search by time finds few packs."""


class PackEntry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A recording in a pack; `length` is that of its JSON."""

    run: str
    length: int
    summary: RecordingSummary
    number: int | None = None
    """Its place before others were removed, so that a page can continue behind it; None if none were."""


_encode: Final = msgspec.json.Encoder().encode
_decode_entries: Final = msgspec.json.Decoder(tuple[PackEntry, ...]).decode


class PackCipher:
    """Builds and reads documents of packs. Every pack has its own key, which the key ring encrypts."""

    def __init__(self, key_ring: AesGcmKeyRing) -> None:
        self._key_ring = key_ring

    def seal(
        self, owner: Document, entries: Sequence[PackEntry], content: bytes, *, pack_id: str, position: str
    ) -> tuple[Document, list[Document]]:
        """Return a pack's document and its chunks. `owner` has its workspace, workflow and expiry.

        Raises Unavailable without an encryption key.
        """
        workspace_id = owner["workspace_id"]
        secret = AESGCM.generate_key(KEY_BITS)
        sealed = self._key_ring.seal(b64encode(secret).decode(), workspace_id=workspace_id, name=key_name(pack_id))
        nonce = os.urandom(NONCE_BYTES)
        compressed = zlib.compress(content, COMPRESSION)
        data = nonce + AESGCM(secret).encrypt(nonce, compressed, _bound(workspace_id, pack_id))
        document: Document = {
            "_id": pack_id,
            **owner,
            "position": position,
            **_found_by([entry.run for entry in entries], stored_ms=int(position.partition("-")[0])),
            "entries": zlib.compress(_encode(entries), COMPRESSION),
            KEY: asdict(sealed),
        }
        if conversations := {each.summary.conversation_id for each in entries} - {None}:
            document["conversations"] = list(conversations)
        if len(data) <= CHUNK_BYTES:
            return document | {"data": data}, []
        content_id = new_id()
        chunks = [
            {"_id": f"{content_id}#{number}", "run": content_id, **owner, "data": data[start : start + CHUNK_BYTES]}
            for number, start in enumerate(range(0, len(data), CHUNK_BYTES))
        ]
        return document | {CONTENT_ID: content_id}, chunks

    def open(self, document: Document, data: bytes) -> bytes:
        """Return the JSON of all recordings of a pack, one after the other. Raises Unavailable."""
        workspace_id, pack_id = document["workspace_id"], document["_id"]
        secret = self._key_ring.open(read_sealed(document[KEY]), workspace_id=workspace_id, name=key_name(pack_id))
        bound = _bound(workspace_id, pack_id)
        try:
            content = AESGCM(b64decode(secret)).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):  # some or all chunks were deleted after the document was read
            raise Unavailable("The recording changed while it was read. Try again.") from None
        return zlib.decompress(content)


def entries_of(document: Document) -> tuple[PackEntry, ...]:
    """Return the recordings of a pack, oldest first."""
    return _decode_entries(zlib.decompress(document["entries"]))


def summaries(document: Document) -> list[tuple[str, RecordingSummary]]:
    """Return the summaries of a pack with their positions, newest first."""
    entries, position = entries_of(document), document["position"]
    shown = [(f"{position}.{entry.number:05d}", _shown(entry, document["expires_at"])) for entry in _numbered(entries)]
    return shown[::-1]


def part_of(document: Document, content: bytes, runs: Collection[str]) -> tuple[list[PackEntry], bytes]:
    """Return the entries of these runs with their numbers, and their JSON."""
    entries = _numbered(entries_of(document))
    return select(entries, content, [entry.run in runs for entry in entries])


def recordings_in(document: Document, content: bytes, runs: Collection[str]) -> dict[str, bytes]:
    """Return the JSON of the recordings of these runs."""
    return {entry.run: content[part] for entry, part in _parts(entries_of(document), content) if entry.run in runs}


def select(entries: Sequence[PackEntry], content: bytes, wanted: Iterable[bool]) -> tuple[list[PackEntry], bytes]:
    """Return the wanted entries, and their JSON."""
    pairs = zip(_parts(entries, content), wanted, strict=True)
    selected = [pair for pair, is_wanted in pairs if is_wanted]
    return [entry for entry, _ in selected], b"".join(content[part] for _, part in selected)


def pack_id_of(workspace_id: str, workflow_id: str, runs: Collection[str]) -> str:
    """Return the id of a pack: the same for a repeated request."""
    return sha256("\0".join([workspace_id, workflow_id, *sorted(runs)]).encode()).hexdigest()[:32]


def content_id_of(document: Document) -> str:
    """Return the name of a pack's chunks."""
    return str(document.get(CONTENT_ID, document["_id"]))


def key_name(pack_id: str) -> str:
    """Return the name for which the key of a pack is encrypted."""
    return f"recording/{pack_id}"


def _numbered(entries: Sequence[PackEntry]) -> list[PackEntry]:
    return [
        entry if entry.number is not None else msgspec.structs.replace(entry, number=place)
        for place, entry in enumerate(entries)
    ]


def _parts(entries: Iterable[PackEntry], content: bytes) -> Iterator[tuple[PackEntry, slice]]:
    """Yield each entry with the part of the content that is its JSON."""
    start = 0
    for entry in entries:
        end = start + entry.length
        yield entry, slice(start, end)
        start = end


def _found_by(runs: Sequence[str], *, stored_ms: int) -> Document:
    """Return the fields by which a pack is found: the range of times in its run ids, and all other runs.

    An index entry for each run would cost the store more than the rest of the recording.
    """
    times = {run: time for run in runs if (time := time_in(run)) is not None and abs(time - stored_ms) <= NEAR_MS}
    found: Document = {"runs": [run for run in runs if run not in times]}
    if times:
        found |= {"first_ms": min(times.values()), "last_ms": max(times.values())}
    return found


def _bound(workspace_id: str, pack_id: str) -> bytes:
    return f"{workspace_id}\0{pack_id}".encode()


def _shown(entry: PackEntry, expires_at: datetime) -> RecordingSummary:
    return msgspec.structs.replace(entry.summary, run_id=public_run_id(entry.run), expires_at=expires_at)


async def find_packs(packs: Documents, owner: Document, runs: Collection[str]) -> list[Document]:
    """Return the packs of a workflow that have a recording of one of these runs, oldest first, without content."""
    ids: set[str] = set()
    for first, last in _ranges(runs):
        near = {**owner, "first_ms": {"$gte": first - 2 * NEAR_MS, "$lt": last + 1}}
        ids |= {each["_id"] async for each in packs.find(near, {"last_ms": 1}) if each["last_ms"] >= first}
    ids |= {each["_id"] async for each in packs.find({"runs": {"$in": list(runs)}}, {"_id": 1})}
    found = await packs.find({"_id": {"$in": list(ids)}}, NO_CONTENT).to_list()
    wanted = (pack for pack in found if owner.items() <= pack.items() and _has_any(pack, runs))
    return sorted(wanted, key=lambda pack: str(pack["position"]))


def _ranges(runs: Iterable[str]) -> Iterator[list[int]]:
    """Yield the first and the last time of run ids whose times are close together."""
    current: list[int] = []
    for time in sorted(time for run in runs if (time := time_in(run)) is not None):
        if current and time - current[1] > NEAR_MS:
            yield current
            current = []
        current = [current[0] if current else time, time]
    if current:
        yield current


def _has_any(pack: Document, runs: Collection[str]) -> bool:
    return any(entry.run in runs for entry in entries_of(pack))
