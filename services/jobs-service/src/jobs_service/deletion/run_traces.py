"""Data of a run stored elsewhere: large values that its document names, and files that its values name."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

from jobs_service.runs.documents import INPUT_BLOB, decode_spec
from shared.contracts.files import CONTEXT, ID_PREFIX
from shared.store.client import Document
from shared.store.payloads import LOGGED

VALUES: Final = ("output", "blocks", "state")
LONGEST_KEY: Final = 4096
"""Maximum bytes of a file's key up to its id."""
_FILE_ID: Final = ID_PREFIX.encode() + rb"[0-9a-f-]{36}(?:[0-9a-f]{32})?"


def values_of(document: Document) -> list[str]:
    """Return the blobs that hold values of this run."""
    kept = [value["blob_id"] for value in _values(document)]
    return [blob_id for blob_id in (*kept, *_given(document)) if blob_id is not None]


def files_in(content: bytes, workflow_id: str) -> set[str]:
    """Return the blobs of this workflow's run files that JSON names."""
    key = re.compile(rb"%b/[^/\"]+/%b/[^/\"]+/(%b)" % (CONTEXT.encode(), re.escape(workflow_id.encode()), _FILE_ID))
    return {match.decode() for match in key.findall(content)}


async def files_in_parts(parts: AsyncIterator[bytes], workflow_id: str) -> set[str]:
    """As `files_in`, for JSON in parts."""
    found: set[str] = set()
    before = b""
    async for part in parts:
        content = before + part
        found |= files_in(content, workflow_id)
        before = content[-LONGEST_KEY:]
    return found


def contents_of(document: Document) -> bytes:
    """Return all JSON in the document itself."""
    inline = [value["inline"] for value in _values(document)]
    return b"\n".join([document.get("spec", b""), *inline])


def _values(document: Document) -> Iterator[Document]:
    for name in VALUES:
        if name in document:
            yield document[name]
            if LOGGED in document[name]:
                yield document[name][LOGGED]


def _given(document: Document) -> Iterator[str | None]:
    yield document.get(INPUT_BLOB)
    if "spec" in document:
        spec = decode_spec(document["spec"])
        yield spec.run_from.outputs.blob_id if spec.run_from is not None else None
