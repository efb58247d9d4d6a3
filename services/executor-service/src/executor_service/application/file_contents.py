"""Content of files in outputs, within the caller's limit."""

import base64
from typing import Final

import msgspec

from executor_service.application.file_references import find_files, may_contain_files
from executor_service.engine.ports import EventSink
from executor_service.ports import FileStore
from shared.contracts.events import MAX_SELECTED_BYTES, RunEvent, SelectedOutput
from shared.contracts.files import FileKey
from shared.contracts.runs import RunSpec
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.workflow.format.js_values import Json

MAX_BASE64_BYTES: Final = 10 * 1024 * 1024
"""The largest file whose content is included by default."""
MAX_TOTAL_BYTES: Final = 32 * 1024 * 1024
"""Maximum content in one output."""
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode

log = get_logger("file_contents")


class FileContents:
    """Adds the content of stored files. Outputs without files cost only a check."""

    def __init__(self, store: FileStore) -> None:
        self._store = store

    async def add_contents(self, spec: RunSpec, document: bytes, *, room: int | None = None) -> bytes:
        """Return `document` (JSON) with `base64` in its files, limited to `room` bytes of content if given.

        Files that are unavailable or too large are left without content.
        """
        if not spec.include_file_base64 or not may_contain_files(document):
            return document
        output: Json = _decode(document)
        largest = MAX_BASE64_BYTES if spec.base64_max_bytes is None else spec.base64_max_bytes
        left = MAX_TOTAL_BYTES if room is None else room
        read: dict[str, bytes | None] = {}  # by file id, so that an output reads each file once
        for file in find_files(output):
            if left <= 0:
                break
            key = FileKey.parse(str(file.get("key")))
            if key is None or key.workspace_id != spec.snapshot.workspace_id:
                continue
            if key.file_id not in read:
                read[key.file_id] = await self._content(key, min(largest, left))
            content = read[key.file_id]
            if content is not None and len(content) <= left:  # the object's `size` may be forged
                file["base64"] = base64.b64encode(content).decode()
                left -= len(content)
        return _encode(output)

    def wrap_sink(self, spec: RunSpec, sink: EventSink) -> EventSink:
        """Wrap `sink` to add the content of files to selected outputs."""
        return _ContentSink(self, spec, sink) if spec.selected_outputs and spec.include_file_base64 else sink

    async def _content(self, key: FileKey, max_bytes: int) -> bytes | None:
        try:
            return await self._store.get(key, max_bytes=max_bytes)
        except FlowportError as error:
            log.info("file_content_unavailable", file_id=key.file_id, error=error.message)
            return None


class _ContentSink:
    def __init__(self, files: FileContents, spec: RunSpec, sink: EventSink) -> None:
        self._files = files
        self._spec = spec
        self._sink = sink

    async def emit(self, event: RunEvent) -> None:
        if isinstance(event, SelectedOutput):
            value = bytes(event.value)
            room = (MAX_SELECTED_BYTES - len(value)) * 3 // 4  # base64 takes four bytes for three
            add_contents = await self._files.add_contents(self._spec, value, room=room)
            event = msgspec.structs.replace(event, value=msgspec.Raw(add_contents))
        await self._sink.emit(event)
