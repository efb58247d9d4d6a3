"""Every private or undocumented API of a dependency that Flowport uses: the single list (ADR 37).

A private API may change in any release. The dependency is therefore bounded to the minor versions in which the members
were verified, and `test_private_apis.py` checks bounds and members. To raise a bound, see CONTRIBUTING.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from dis import get_instructions
from importlib.metadata import version
from inspect import isfunction, signature
from pkgutil import resolve_name
from typing import Final

SEEN: Final = {
    "fastapi": "0.165",
    "httpcore2": "2.16",
    "mcp": "2.3",
    "pamqp": "4.0",
    "uvicorn": "0.54",
}
"""The newest minor version of each package in which every member below was verified."""


@dataclass(frozen=True)
class PrivateUse:
    """Members of one class of a dependency that one file of ours relies on."""

    package: str
    owner: str
    used_by: str
    members: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    """Arguments that the file passes to the constructor."""

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each member or parameter that the installed version lacks."""
        try:
            owner = resolve_name(self.owner)
        except (ImportError, AttributeError):
            yield self._lacks(self.owner)
            return
        known = members_of(owner)
        yield from (self._lacks(f"{self.owner}.{name}") for name in self.members if name not in known)
        if self.parameters:
            taken = signature(owner).parameters
            missing = (name for name in self.parameters if name not in taken)
            yield from (self._lacks(f"the parameter {name} of {self.owner}") for name in missing)

    def _lacks(self, what: str) -> str:
        seen = SEEN.get(self.package, "no version")
        return f"{self.package} {version(self.package)} lacks {what}; last seen in {seen}, used by {self.used_by}"


USES: Final = (
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.httptools_impl:HttpToolsProtocol",
        used_by="shared/src/shared/web/bounded_http.py",
        members=(
            "_start_asgi_task",
            "access_logger",
            "app",
            "connection_lost",
            "connection_made",
            "cycle",
            "data_received",
            "expect_100_continue",
            "flow",
            "headers",
            "logger",
            "loop",
            "on_body",
            "on_headers_complete",
            "on_message_begin",
            "on_message_complete",
            "on_response_complete",
            "parser",
            "pause_writing",
            "pipeline",
            "resume_writing",
            "scope",
            "server_state",
            "shutdown",
            "timeout_keep_alive",
            "transport",
            "url",
        ),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.httptools_impl:RequestResponseCycle",
        used_by="shared/src/shared/web/bounded_http.py",
        members=(
            "disconnected",
            "keep_alive",
            "message_event",
            "more_body",
            "response_complete",
            "response_started",
            "transport",
        ),
        parameters=(
            "access_log",
            "access_logger",
            "default_headers",
            "expect_100_continue",
            "flow",
            "keep_alive",
            "logger",
            "message_event",
            "on_response",
            "scope",
            "transport",
        ),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.httptools_impl:RequestResponseCycle",
        used_by="shared/src/shared/web/http10_responses.py",
        members=("chunked_encoding", "expected_content_length", "send"),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.httptools_impl:RequestResponseCycle",
        used_by="shared/src/shared/web/response_cycle.py",
        members=(
            "chunked_encoding",
            "default_headers",
            "disconnected",
            "expected_content_length",
            "flow",
            "keep_alive",
            "response_started",
            "scope",
            "send",
            "transport",
            "waiting_for_100_continue",
        ),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.flow_control:FlowControl",
        used_by="shared/src/shared/web/bounded_http.py",
        members=("pause_reading", "resume_reading"),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.protocols.http.flow_control:FlowControl",
        used_by="shared/src/shared/web/response_cycle.py",
        members=("drain", "write_paused"),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn.server:ServerState",
        used_by="shared/src/shared/web/server.py",
        members=("connections", "default_headers"),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn:Server",
        used_by="shared/src/shared/web/server.py",
        members=("server_state", "shutdown", "startup"),
    ),
    PrivateUse(
        package="uvicorn",
        owner="uvicorn:Server",
        used_by="cli/src/flowport/local/asgi_server.py",
        members=("capture_signals", "should_exit", "started"),
    ),
    PrivateUse(
        package="fastapi",
        owner="fastapi.routing:APIRoute",
        used_by="services/gateway/src/gateway/web/routes.py",
        members=("endpoint", "handle", "methods", "path_regex"),
    ),
    PrivateUse(
        package="fastapi",
        owner="fastapi.routing:APIRouter",
        used_by="cli/src/flowport/local/asgi_server.py",
        members=("lifespan_context",),
    ),
    PrivateUse(
        package="httpcore2",
        owner="httpcore2:AsyncHTTP11Connection",
        used_by="shared/src/shared/net/connections.py",
        members=("_h11_state", "has_expired", "is_idle"),
        parameters=("keepalive_expiry", "origin", "stream"),
    ),
    PrivateUse(
        package="mcp",
        owner="mcp.client.session:ClientSession",
        used_by="services/executor-service/src/executor_service/blocks/mcp/client.py",
        members=("validate_tool_result",),
    ),
    PrivateUse(
        package="pamqp",
        owner="pamqp.header:ContentHeader",  # replaced, so that headers it cannot read end no connection
        used_by="shared/src/shared/broker/rabbitmq/unreadable_headers.py",
        members=("body_size", "properties", "unmarshal"),
    ),
)


def members_of(owner: type) -> set[str]:
    """Return the attributes of a class, and those that its methods set."""
    methods = [method for each in owner.__mro__ for method in vars(each).values() if isfunction(method)]
    stored = (step.argval for method in methods for step in get_instructions(method) if step.opname == "STORE_ATTR")
    return {*dir(owner), *stored}
