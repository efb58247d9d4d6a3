"""Files for user code, through `sim.files`."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from executor_service.ports import FileStore
from executor_service.sandbox import FILE_SCHEME, Fetcher, FetchFailed, FetchRequest, FetchResponse
from shared.contracts.files import FileKey
from shared.errors import FlowportError, NotFound

_COUNT: Final = re.compile(r"\d{1,15}", re.ASCII)


class SandboxFiles:
    """Implements Fetcher: serves files that the run may read, and passes other requests on."""

    def __init__(self, files: FileStore, fallback: Fetcher) -> None:
        self._files = files
        self._fallback = fallback

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        """Read the file, or pass the request on. Raises FetchFailed."""
        if not request.url.startswith(FILE_SCHEME):
            return await self._fallback(request)
        content = _slice(await self._read(request), request.headers)
        body = b64encode(content) if request.headers.get("accept") == "base64" else content
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=body)

    async def _read(self, request: FetchRequest) -> bytes:
        key = FileKey.parse(request.url.removeprefix(FILE_SCHEME))
        if key is None or key.workspace_id != request.workspace_id:
            raise FetchFailed("The file does not belong to this workspace")
        try:
            return await self._files.get(key)
        except NotFound:
            raise FetchFailed(f"{key.name} is no longer stored") from None
        except FlowportError as error:
            raise FetchFailed(error.message) from error


def _slice(content: bytes, headers: Mapping[str, str]) -> bytes:
    offset, length = headers.get("offset", "0"), headers.get("length", "")
    if not _COUNT.fullmatch(offset) or (length and not _COUNT.fullmatch(length)):
        raise FetchFailed("offset and length must be whole numbers of bytes")
    rest = content[int(offset) :]
    return rest[: int(length)] if length else rest
