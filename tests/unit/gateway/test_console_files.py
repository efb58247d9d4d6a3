"""The console's files: found after a build, compressed, cached, and never in conflict with the API."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from gateway.chat.page import chat_page_router
from gateway.console.routes import root_router
from gateway.web.console_assets import ConsoleFiles

BASE = "http://flowport.test"
HTML = {"accept": "text/html"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Write the files of a build."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>Console</title>")
    (tmp_path / "theme.js").write_text("theme()")
    (tmp_path / "assets" / "main-abc123.js").write_text("main()" * 100)
    return tmp_path


def _client(folder: Path, docs_url: str = "") -> httpx2.AsyncClient:
    app = FastAPI(docs_url=None)
    app.include_router(root_router(BASE, ConsoleFiles(folder), docs_url))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)


@pytest.fixture
async def client(built: Path) -> AsyncIterator[httpx2.AsyncClient]:
    async with _client(built) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/workflows/w-1",
        "/runs",
        "/runs/w/r",
        "/settings",
        "/settings/keys",
        "/invite",
        "/help",
        "/help/api/execute",
    ],
)
async def test_every_page_is_the_one_page(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=HTML)
    assert answer.text == "<title>Console</title>"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "page"),
    [("/help", "README"), ("/help/", "README"), ("/help/blocks", "blocks"), ("/help/console/README", "console/README")],
)
async def test_help_links_to_the_configured_documentation_site(built: Path, path: str, page: str) -> None:
    async with _client(built, "https://docs.example/flowport") as client:
        answer = await client.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (307, f"https://docs.example/flowport/docs/{page}.html")


@pytest.mark.parametrize(
    "path", ["/help/../x", "/help/a%2f..%2f..%2fx", "/help/%0d%0ax", "/help/x?y", "/help//evil.example"]
)
async def test_help_redirects_nowhere_else(built: Path, path: str) -> None:
    async with _client(built, "https://docs.example") as client:
        answer = await client.get(path, headers=HTML)
    assert answer.headers.get("location", "https://docs.example/docs/x.html") == "https://docs.example/docs/x.html"


async def test_only_own_scripts_run_on_a_page(client: httpx2.AsyncClient) -> None:
    policy = (await client.get("/", headers=HTML)).headers["content-security-policy"].split("; ")
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_files_with_a_hash_in_their_name_are_cached_permanently(client: httpx2.AsyncClient) -> None:
    assert "immutable" in (await client.get("/assets/main-abc123.js")).headers["cache-control"]
    assert (await client.get("/theme.js")).headers["cache-control"] == "no-cache"


async def test_scripts_are_compressed_for_clients_that_accept_it(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/assets/main-abc123.js", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == b"main()" * 100
    plain = await client.get("/assets/main-abc123.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/assets/..%2findex.html", "/assets/../index.html", "/api/x", "/v1/x", "/x"]
)
async def test_unknown_pages_and_files_are_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers=HTML)).status_code == 404


async def test_files_removed_by_a_new_build_are_not_found(client: httpx2.AsyncClient, built: Path) -> None:
    (built / "assets" / "main-abc123.js").unlink()
    assert (await client.get("/assets/main-abc123.js")).status_code == 404


async def test_programs_that_request_the_front_page_learn_the_path_of_the_api(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/")).json() == {"name": "Flowport", "openapi": f"{BASE}/openapi.json"}


async def test_without_a_build_the_front_page_describes_the_service(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        assert "REST endpoints" in (await client.get("/", headers=HTML)).text
        assert (await client.get("/runs", headers=HTML)).status_code == 404


async def test_the_api_reference_may_load_and_call_nothing_from_elsewhere(built: Path) -> None:
    (built / "docs.html").write_text("<title>Flowport API</title>")
    async with _client(built) as client:
        answer = await client.get("/docs", headers=HTML)
        assert (await client.get("/docs.html", headers=HTML)).status_code == 404
    assert answer.text == "<title>Flowport API</title>"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_without_a_build_the_api_reference_is_missing(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/docs", headers=HTML)).status_code == 404


def test_the_script_of_an_entry_is_found_by_any_hash(built: Path) -> None:
    assert ConsoleFiles(built).hashed_name("chat-markdown") is None
    (built / "assets" / "chat-markdown-B5F_V-1l.js").write_text("")
    (built / "assets" / "chat-other-B5F_V-1l.js").write_text("")
    assert ConsoleFiles(built).hashed_name("chat-markdown") == "assets/chat-markdown-B5F_V-1l.js"


@pytest.fixture
async def chat(built: Path) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    for name in ("chat-markdown-abc12345.js", "geist-latin-wght-normal-abc12345.woff2"):
        (built / "assets" / name).write_text("")
    app.include_router(chat_page_router(ConsoleFiles(built)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as client:
        yield client


async def test_the_chat_page_gets_the_markdown_renderer_that_was_built(chat: httpx2.AsyncClient) -> None:
    answer = await chat.get("/chat/page/markdown.js")
    assert (answer.status_code, answer.headers["location"]) == (307, "/assets/chat-markdown-abc12345.js")
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_chat_page_gets_the_font_of_the_console(chat: httpx2.AsyncClient) -> None:
    font = await chat.get("/chat/page/font.woff2")
    assert (font.status_code, font.headers["location"]) == (307, "/assets/geist-latin-wght-normal-abc12345.woff2")
    page = await chat.get("/chat/somewhere")
    assert "font-src 'self'" in page.headers["content-security-policy"]


async def test_without_a_build_the_chat_page_has_no_markdown_renderer(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(chat_page_router(ConsoleFiles(tmp_path)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as client:
        assert (await client.get("/chat/page/markdown.js")).status_code == 404
