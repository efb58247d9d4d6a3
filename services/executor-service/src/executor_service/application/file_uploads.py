"""Files in a run's input: store them, and pass them to blocks as stored files."""

import asyncio
import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from executor_service.ports import FileStore
from shared.contracts.files import MAX_FILE_BYTES, MAX_NAME, FileKey, StoredFile
from shared.contracts.runs import RunSpec, Trigger
from shared.errors import FlowportError, InvalidRequest
from shared.ids import public_run_id
from shared.net import OutboundClient, OutboundError, OutboundRequest
from shared.observe.logging import get_logger
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.format.input_format import read_input_format
from shared.workflow.format.js_values import Json, JsonObject

log = get_logger("file_uploads")

MAX_FILES: Final = 50
"""Maximum number of files per run."""
MAX_RUN_BYTES: Final = 100 * 1024 * 1024
"""Maximum size of all files of a run."""
UPLOAD_SECONDS: Final = 60.0
"""Time to fetch and store all files of a run."""
CHAT_FIELD: Final = "files"
UNKNOWN_TYPE: Final = "application/octet-stream"
_MARK: Final = b'"data"'
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200};base64,", re.ASCII)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as the caller sent it: its content or its URL."""

    name: str
    type: str
    data: str
    is_remote: bool


class FileUploads:
    """Stores the files in a run's input. A run without files costs only a check."""

    def __init__(self, store: FileStore, downloads: OutboundClient, *, public_url: str) -> None:
        self._store = store
        self._downloads = downloads
        self._public_url = public_url

    async def store_uploads(self, spec: RunSpec, workflow: CompiledWorkflow, document: bytes, body: Json) -> Json:
        """Return `body`, parsed from `document`, with stored files in place of sent ones.

        Raises InvalidRequest if a file is unavailable, Unavailable.
        """
        if _MARK not in document or not isinstance(body, dict):
            return body
        sent = {name: found for name in _file_fields(workflow, spec.trigger) if (found := read_uploads(body.get(name)))}
        if sum(map(len, sent.values())) > MAX_FILES:
            raise _failure(f"more than {MAX_FILES} files")
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return {**body, **await self._store_files(spec, sent)}
        except TimeoutError:
            raise _failure("the files could not be fetched in time") from None

    async def _store_files(self, spec: RunSpec, sent: Mapping[str, Sequence[UploadedFile]]) -> JsonObject:
        stored_fields: JsonObject = {}
        bytes_left = MAX_RUN_BYTES
        for name, files in sent.items():
            stored: list[Json] = []
            for file in files:
                content, kind = await self._load_content(spec, file)
                bytes_left -= len(content)
                if bytes_left < 0:
                    raise _failure(f"more than {MAX_RUN_BYTES // 1024**2} MiB of files")
                stored.append(await self._store_file(spec, file.name, content, kind))
            stored_fields[name] = stored
        return stored_fields

    async def _store_file(self, spec: RunSpec, name: str, content: bytes, kind: str) -> JsonObject:
        snapshot = spec.snapshot
        key = FileKey.new(snapshot.workspace_id, snapshot.workflow_id, public_run_id(spec.run_id), name)
        await self._store.put(key.workspace_id, key.file_id, content)
        url = f"{self._public_url}{key.path}"
        stored = StoredFile(id=key.file_id, name=name, url=url, size=len(content), type=kind, key=key.text)
        shown: JsonObject = msgspec.to_builtins(stored)
        return shown

    async def _load_content(self, spec: RunSpec, file: UploadedFile) -> tuple[bytes, str]:
        try:
            content, kind = await self._fetch(spec, file) if file.is_remote else (_decode(file.data), "")
            if len(content) > MAX_FILE_BYTES:
                raise InvalidRequest(f"it exceeds {MAX_FILE_BYTES // 1024**2} MiB")
        except (ValueError, FlowportError, OutboundError) as error:
            # Not shown to the caller, who may be anonymous: it would reveal which internal addresses respond.
            log.info("file_upload_failed", run_id=spec.run_id, error=str(error))
            raise _failure(f"Failed to upload file: {file.name}") from error
        return content, file.type or kind or mimetypes.guess_type(file.name)[0] or UNKNOWN_TYPE

    async def _fetch(self, spec: RunSpec, file: UploadedFile) -> tuple[bytes, str]:
        workspace_id = spec.snapshot.workspace_id
        wanted = OutboundRequest("GET", file.data, timeout_seconds=UPLOAD_SECONDS, workspace_id=workspace_id)
        answer = await self._downloads.send(wanted)
        if answer.status != 200:
            raise InvalidRequest(f"its URL returned status {answer.status}")
        return answer.body, answer.headers.get("content-type", "").partition(";")[0].strip()


def read_uploads(value: Json) -> Sequence[UploadedFile]:
    """Return the files in a field; ignore other values."""
    items = value if isinstance(value, list) else [value]
    return [file for item in items if isinstance(item, dict) and (file := _read_upload(item)) is not None]


def _read_upload(item: JsonObject) -> UploadedFile | None:
    data, name = item.get("data"), item.get("name")
    if not isinstance(data, str):
        return None
    kind = item.get("mime") if isinstance(item.get("mime"), str) else item.get("type")
    declared_type = kind if isinstance(kind, str) and "/" in kind else ""
    if data.lower().startswith(("https://", "http://")):
        return UploadedFile(_safe_name(name, _path(data)), declared_type, data, is_remote=True)
    inline = _DATA_URL.match(data)
    return (
        None
        if inline is None
        else UploadedFile(_safe_name(name, "file"), declared_type or inline[1] or "", data, is_remote=False)
    )


def _path(url: str) -> str:
    try:
        return unquote(urlsplit(url).path)
    except ValueError:  # no host in the URL: fetching it fails
        return ""


def _safe_name(name: Json, default: str) -> str:
    """Return a safe file name: no path, nothing that a terminal or a header would interpret."""
    text = name if isinstance(name, str) and name.strip() else default.rstrip("/").rpartition("/")[2]
    return _UNSAFE.sub("_", text.strip())[:MAX_NAME].strip(". ") or "file"


def _decode(data_url: str) -> bytes:
    """Decode the content, with or without line breaks and padding. Raises ValueError."""
    text = "".join(data_url.partition(",")[2].split())
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _file_fields(workflow: CompiledWorkflow, trigger: Trigger) -> Sequence[str]:
    start = workflow.starts.get(trigger)
    if start is None:
        return ()
    block = workflow.blocks[start].block
    declared = [field.name for field in read_input_format(block.value("inputFormat")) if field.type == "file[]"]
    return [*declared, CHAT_FIELD] if trigger is Trigger.CHAT and CHAT_FIELD not in declared else declared


def _failure(why: str) -> InvalidRequest:
    return InvalidRequest(f"File processing failed: {why}")
