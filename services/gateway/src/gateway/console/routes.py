"""`GET /`: the console for browsers, and a description for other clients."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.web.console_assets import ConsoleFiles, console_router
from shared.web.struct_bodies import StructResponse

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Flowport</title>
<style>body {{ font: 16px/1.5 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}</style>
<h1>Flowport</h1>
<p>This server runs AI workflows as REST endpoints.</p>
<pre>curl -X POST {base}/api/workflows/{{workflow-id}}/execute \\
  -H "Content-Type: application/json" \\
  -H "x-api-key: $SIM_API_KEY" \\
  -d '{{ "input": "Hello" }}'</pre>
<p><a href="/openapi.json">openapi.json</a> describes every route.</p>
</html>
"""


def root_router(base_url: str, console: ConsoleFiles, docs_url: str = "") -> APIRouter:
    """Return the front page, and the pages below it."""
    router = console_router(console, docs_url)

    @router.get("/")
    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await console.page(request) if console.is_built else HTMLResponse(_PAGE.format(base=base_url))
        return StructResponse({"name": "Flowport", "openapi": f"{base_url}/openapi.json"})

    return router
