"""An MCP server on loopback: the official implementation, with a few tools."""

import asyncio
import socket
import threading
import time
from types import TracebackType
from typing import Any, Self

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.types import ASGIApp, Receive, Scope, Send

START_SECONDS = 10.0


class ToolServer:
    """The server, in a thread of its own. `asked` are the HTTP methods and headers of what came in."""

    def __init__(self, *, json_response: bool = False, stateless: bool = False) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.token: str | None = None
        self.calls = 0
        self._tools = self._with_tools(MCPServer("tools"))
        self._app = self._tools.streamable_http_app(json_response=json_response, stateless_http=stateless)
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._guarded(self._app), log_config=None, ws="none", timeout_graceful_shutdown=1, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="mcp-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/mcp"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the MCP server did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

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
