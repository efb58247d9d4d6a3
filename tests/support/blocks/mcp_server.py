"""MCP servers on loopback: the official implementation with a few tools, and scripted misbehavior."""

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
    """The server. `requests` holds the HTTP methods and headers of its requests."""

    def __init__(self, *, json_response: bool = False, stateless: bool = False) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
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
                self.requests.append((scope["method"], headers))
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
            """Echo the text."""
            return text

        @server.tool()
        def break_down() -> str:
            """Fail."""
            raise ToolError("out of order")

        @server.tool()
        async def dawdle() -> str:
            """Exceed the time limit."""
            await asyncio.sleep(30)
            return "at last"

        @server.tool()
        async def report(context: Context[Any]) -> str:
            """Report progress before the answer."""
            await context.report_progress(1, 2)
            return "done"

        return server


class MinimalServer(LoopbackServer):
    """Implements the minimum of the protocol. Subclasses define its tools and its misbehavior."""

    session: str | None = None
    pause = 0.0
    """Delay before each answer."""
    refusal: str | None = None
    """Error returned instead of calling a tool."""

    def __init__(self) -> None:
        routes = [
            Route("/mcp", self._post, methods=["POST"]),
            Route("/mcp", self.get, methods=["GET"]),
            Route("/mcp", self.delete, methods=["DELETE"]),
        ]
        super().__init__(Starlette(routes=routes), name="played MCP server")

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    async def get(self, request: Request) -> Response:
        return Response(status_code=405)

    async def delete(self, request: Request) -> Response:
        return Response()

    def tools_list(self) -> Any:
        return {"tools": []}

    def tools_call(self) -> Any:
        return {"content": []}

    async def _post(self, request: Request) -> Response:
        message = json.loads(await request.body())
        await asyncio.sleep(self.pause)
        if "id" not in message:
            return Response(status_code=202)
        if message["method"] == "initialize":
            info = {"name": "played", "version": "1"}
            version = message["params"]["protocolVersion"]
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            headers = {} if self.session is None else {"mcp-session-id": self.session}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result}, headers=headers)
        methods = {"tools/list": self.tools_list, "tools/call": self.tools_call}
        if self.refusal is not None:
            methods.pop("tools/call")
        if (method := methods.get(message["method"])) is None:
            error = {"code": -32601, "message": self.refusal or "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        given = method()
        return (
            given
            if isinstance(given, Response)
            else JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": given})
        )


class EndlessServer(MinimalServer):
    """Offers endless pages of tools; its one tool fails with a long text."""

    def __init__(self, tools_of_a_page: int = 1) -> None:
        self.pages = 0
        self._tools_of_a_page = tools_of_a_page
        super().__init__()

    def tools_list(self) -> Any:
        self.pages += 1
        names = [f"tool_{self.pages}_{number}" for number in range(self._tools_of_a_page)]
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
        return {"tools": tools, "nextCursor": str(self.pages)}

    def tools_call(self) -> Any:
        return {"content": [{"type": "text", "text": "x" * 100_000}], "isError": True}


class NamingServer(MinimalServer):
    """Offers tools with these names."""

    def __init__(self, *names: str) -> None:
        self._names = names
        super().__init__()

    def tools_list(self) -> Any:
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in self._names]}


class WordyServer(MinimalServer):
    """Offers a tool with a description of the given length."""

    def __init__(self, characters: int) -> None:
        self._description = "x" * characters
        super().__init__()

    def tools_list(self) -> Any:
        tool = {"name": "wordy", "description": self._description, "inputSchema": {"type": "object"}}
        return {"tools": [tool]}


class PatternServer(MinimalServer):
    """Declares for its answer a pattern on which a backtracking engine would practically never finish."""

    def tools_list(self) -> Any:
        text = {"type": "string", "pattern": "^(a+)+$"}
        schema = {"type": "object", "properties": {"text": text}}
        return {"tools": [{"name": "any", "inputSchema": {"type": "object"}, "outputSchema": schema}]}

    def tools_call(self) -> Any:
        return {"content": [{"type": "text", "text": "done"}], "structuredContent": {"text": "a" * 60 + "!"}}


class EndlessSessionServer(MinimalServer):
    """Has sessions, and refuses to end them."""

    session = "s1"

    def tools_call(self) -> Any:
        return {"content": [{"type": "text", "text": "done"}]}

    async def delete(self, request: Request) -> Response:
        await asyncio.sleep(60)
        return Response()


class BreakingServer(MinimalServer):
    """Breaks each stream before the answer, after a number of bytes, and requests an immediate retry."""

    def __init__(self, size: int = 0) -> None:
        self.reconnections = 0
        self._size = size
        super().__init__()

    def tools_call(self) -> Any:
        progress = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "on it"}}
        event = f"id: {self.reconnections}\nretry: 0\ndata: {json.dumps(progress)}\n\n"
        return Response(f": {'x' * self._size}\n\n{event}", media_type="text/event-stream")

    async def get(self, request: Request) -> Response:
        self.reconnections += 1
        response: Response = self.tools_call()
        return response
