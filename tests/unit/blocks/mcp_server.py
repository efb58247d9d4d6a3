"""An MCP server on loopback: the official implementation, with a few tools."""

import asyncio
import json
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.support.loopback import LoopbackServer


class ToolServer(LoopbackServer):
    """The server. `asked` are the HTTP methods and headers of what came in."""

    def __init__(self, *, json_response: bool = False, stateless: bool = False) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.token: str | None = None
        self.calls = 0
        tools = self._with_tools(MCPServer("tools"))
        app = tools.streamable_http_app(json_response=json_response, stateless_http=stateless)
        super().__init__(self._guarded(app), name="MCP server", lifespan="on")

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                self.asked.append((scope["method"], headers))
                if self.token is not None and headers.get("authorization") != f"Bearer {self.token}":
                    await send({"type": "http.response.start", "status": 401, "headers": []})
                    await send({"type": "http.response.body", "body": b"who are you?"})
                    return
            await app(scope, receive, send)

        return guarded

    def _with_tools(self, server: MCPServer) -> MCPServer:
        @server.tool()
        def add(a: int, b: int) -> int:
            """Add two numbers."""
            self.calls += 1
            return a + b

        @server.tool()
        def say(text: str) -> str:
            """Say it back."""
            return text

        @server.tool()
        def break_down() -> str:
            """Fail."""
            raise ToolError("out of order")

        @server.tool()
        async def dawdle() -> str:
            """Take too long."""
            await asyncio.sleep(30)
            return "at last"

        @server.tool()
        async def report(context: Context[Any]) -> str:
            """Tell of progress before the answer."""
            await context.report_progress(1, 2)
            return "done"

        return server


class EndlessServer(LoopbackServer):
    """Has ever another page of tools, so many on each; its one tool fails at length."""

    def __init__(self, tools_of_a_page: int = 1) -> None:
        self.pages = 0
        self._tools_of_a_page = tools_of_a_page
        super().__init__(Starlette(routes=[Route("/mcp", self._answer, methods=["POST", "DELETE"])]), name="endless")

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    async def _answer(self, request: Request) -> Response:
        asked = json.loads(await request.body() or b"{}")
        if "id" not in asked:
            return Response(status_code=202)
        methods = {"initialize": self._initialize, "tools/list": self._tools_list, "tools/call": self._tools_call}
        if (method := methods.get(asked["method"])) is None:
            error = {"code": -32601, "message": "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": method(asked.get("params") or {})})

    def _initialize(self, params: Any) -> Any:
        info = {"name": "endless", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}

    def _tools_list(self, params: Any) -> Any:
        self.pages += 1
        names = [f"tool_{self.pages}_{number}" for number in range(self._tools_of_a_page)]
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        return {"tools": tools, "nextCursor": str(self.pages)}

    def _tools_call(self, params: Any) -> Any:
        return {"content": [{"type": "text", "text": "x" * 100_000}], "isError": True}
