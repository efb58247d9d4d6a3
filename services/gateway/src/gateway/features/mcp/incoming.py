"""One message of an MCP client to a server of ours."""

from typing import Final

import msgspec
from starlette.requests import Request

from gateway.access.domain.credentials import Caller
from shared.contracts.tool_servers import ToolServer

VERSION: Final = "1.0.0"
"""Version that every server reports."""


class IncomingRequest(msgspec.Struct, frozen=True):
    """Request with its server and caller."""

    server: ToolServer
    caller: Caller
    request: Request
    call_chain: tuple[str, ...]
