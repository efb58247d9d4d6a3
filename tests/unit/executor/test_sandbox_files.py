"""User code reads files of its workspace, as text or bytes, whole or in part."""

import base64

import pytest

from executor_service.adapters.sandbox_files import SandboxFiles
from executor_service.sandbox import FILE_SCHEME, FetchFailed, FetchRequest, FetchResponse
from shared.contracts.files import FileKey
from shared.errors import NotFound, Unavailable

CONTENT = "grüße".encode()
KEY = "execution/ws/wf/run/file_1/a.txt"


class Store:
    def __init__(self, problem: Exception | None = None) -> None:
        self._problem = problem

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        raise AssertionError("the sandbox must not write")

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        assert key.text == KEY
        if self._problem is not None:
            raise self._problem
        return CONTENT


async def elsewhere(request: FetchRequest) -> FetchResponse:
    return FetchResponse(status=204, status_text="", url=request.url, headers={}, body=b"")


def ask(url: str = f"{FILE_SCHEME}{KEY}", workspace_id: str = "ws", **headers: str) -> FetchRequest:
    return FetchRequest(url=url, method="GET", headers=headers, body=None, workspace_id=workspace_id)


async def read(request: FetchRequest, problem: Exception | None = None) -> str:
    return (await SandboxFiles(Store(problem), elsewhere)(request)).body.decode()


async def test_a_file_is_text_or_base64() -> None:
    assert await read(ask(accept="text")) == "grüße"
    assert base64.b64decode(await read(ask(accept="base64"))) == CONTENT


async def test_a_part_counts_bytes() -> None:
    assert await read(ask(accept="text", offset="0", length="2")) == "gr"
    assert await read(ask(accept="text", offset="6", length="")) == "e"
    assert await read(ask(accept="text", offset="99", length="5")) == ""


@pytest.mark.parametrize("headers", [{"offset": "-1"}, {"offset": "x"}, {"length": "1.5"}])
async def test_a_part_that_cannot_be_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(FetchFailed, match="whole numbers"):
        await read(ask(**headers))


@pytest.mark.parametrize("request_", [ask(workspace_id="other"), ask(f"{FILE_SCHEME}../../etc/passwd")])
async def test_foreign_files_are_not_found(request_: FetchRequest) -> None:
    with pytest.raises(FetchFailed, match="does not belong to this workspace"):
        await read(request_)


@pytest.mark.parametrize(
    ("problem", "reason"), [(NotFound("gone"), "a.txt is no longer stored"), (Unavailable("later"), "later")]
)
async def test_an_unavailable_file_has_a_reason(problem: Exception, reason: str) -> None:
    with pytest.raises(FetchFailed, match=reason):
        await read(ask(), problem)


async def test_other_requests_are_sent_unchanged() -> None:
    response = await SandboxFiles(Store(), elsewhere)(ask("https://example.test/"))
    assert response.status == 204
