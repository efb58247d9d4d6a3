"""Who may do what: one row for every route that the gateway has."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.domain.credentials import Scope

Style = Literal["legacy", "plain", "v1", "v2", "auth"]
Subject = Literal["nothing", "workflow", "workspace", "user"]


@dataclass(frozen=True)
class Row:
    """A route, what it asks of its caller, and a request that is in order but for who sends it."""

    method: str
    path: str
    needs: tuple[Scope, ...] | None
    """Any of these scopes; None for everybody."""
    style: Style = "legacy"
    subject: Subject = "workflow"
    """Whose it is: a stranger to it is told so, or told that there is no such thing."""
    body: Any = None
    query: str = ""
    forbidden: str | None = None
    """What a member with too small a role is told, where it is not about a workflow."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        filled = self.path
        for parameter, value in VALUES.items():
            filled = filled.replace(f"{{{parameter}}}", value)
        return filled + self.query


VALUES: Final = {
    "workflow_id": "W",
    "workspace_id": "WS1",
    "version": "1",
    "user_id": "nobody",
    "invitation_id": "none",
    "key_id": "none",
    "name": "NAME",
    "job_id": "run_0123456789abcdef0123",
    "run_id": "E1",
    "execution_id": "E1",
    "context_id": "none",
    "log_id": "E1",
    "key": "none",
}
READ, WRITE, DEPLOY, ADMIN, EXECUTE = Scope.READ, Scope.WRITE, Scope.DEPLOY, Scope.ADMIN, Scope.EXECUTE
LOOK: Final = (READ, EXECUTE)
STATE: Final[dict[str, Any]] = {"blocks": {}, "edges": []}
FILE: Final = {"workspaceId": "WS1", "workflow": {"version": "1.0", "state": STATE}}

V1: Final = "/api/v1/workflows"
V2: Final = "/api/v2/workflows"
W: Final = "/api/workflows/{workflow_id}"
WS: Final = "/api/workspaces/{workspace_id}"
MINE: Final = "/api/users/me/api-keys"


def _in_workspace(method: str, path: str, needs: tuple[Scope, ...], body: Any = None) -> Row:
    return Row(method, path, needs, subject="workspace", body=body, forbidden="Forbidden")


TABLE: Final = (
    Row("POST", "/api/auth/sign-in/email", None, "auth", "nothing", {"email": "a@b", "password": "x"}),
    Row("GET", "/api/auth/get-session", None, "auth", "nothing"),
    Row("POST", "/api/auth/sign-out", None, "auth", "nothing"),
    Row("POST", "/api/auth/change-password", None, "auth", "nothing"),
    Row("POST", "/api/invitations/look", None, subject="nothing", body={"token": "x"}),
    Row("POST", "/api/invitations/accept", None, subject="nothing", body={"token": "x"}),
    Row("GET", "/api/workspaces", (READ,), subject="nothing"),
    Row("POST", "/api/workspaces", (), subject="user", body={"name": "New"}),
    _in_workspace("GET", WS, (READ,)),
    _in_workspace("PATCH", WS, (ADMIN,), {"name": "Other"}),
    _in_workspace("GET", f"{WS}/members", (READ,)),
    _in_workspace("PATCH", f"{WS}/members/{{user_id}}", (ADMIN,), {"role": "read"}),
    _in_workspace("DELETE", f"{WS}/members/{{user_id}}", (ADMIN,)),
    _in_workspace("GET", f"{WS}/invitations", (ADMIN,)),
    _in_workspace("POST", f"{WS}/invitations", (ADMIN,), {"role": "read"}),
    _in_workspace("DELETE", f"{WS}/invitations/{{invitation_id}}", (ADMIN,)),
    _in_workspace("GET", f"{WS}/api-keys", (READ,)),
    _in_workspace("POST", f"{WS}/api-keys", (ADMIN,), {"name": "new"}),
    _in_workspace("DELETE", f"{WS}/api-keys", (ADMIN,), {"keys": ["none"]}),
    _in_workspace("PUT", f"{WS}/api-keys/{{key_id}}", (ADMIN,), {"name": "new"}),
    _in_workspace("DELETE", f"{WS}/api-keys/{{key_id}}", (ADMIN,)),
    _in_workspace("POST", f"{WS}/api-keys/{{key_id}}/rotate", (ADMIN,)),
    Row("GET", MINE, (), subject="user"),
    Row("POST", MINE, (), subject="user", body={"name": "mine"}),
    Row("DELETE", MINE, (), subject="user", body={"keys": ["none"]}),
    Row("PUT", f"{MINE}/{{key_id}}", (), subject="user", body={"name": "mine"}),
    Row("DELETE", f"{MINE}/{{key_id}}", (), subject="user"),
    Row("POST", f"{MINE}/{{key_id}}/rotate", (), subject="user"),
    _in_workspace("GET", f"{WS}/environment", (READ,)),
    _in_workspace("PUT", f"{WS}/environment", (ADMIN,), {"variables": {}}),
    _in_workspace("PUT", f"{WS}/environment/{{name}}", (ADMIN,), {"value": "x"}),
    _in_workspace("DELETE", f"{WS}/environment/{{name}}", (ADMIN,)),
    Row("GET", "/api/environment", (), subject="user"),
    Row("PUT", "/api/environment", (), subject="user", body={"variables": {}}),
    Row("PUT", "/api/environment/{name}", (), subject="user", body={"value": "x"}),
    Row("DELETE", "/api/environment/{name}", (), subject="user"),
    Row("GET", f"{WS}/audit", (ADMIN,), subject="workspace"),
    Row("GET", "/api/v1/audit-logs", (ADMIN,), subject="nothing"),
    Row("POST", f"{W}/execute", (EXECUTE,), "plain", body={}),
    Row("GET", "/api/jobs/{job_id}", LOOK),
    Row("GET", "/api/users/me/usage-limits", (), subject="nothing"),
    Row("GET", "/api/block-types", (), subject="nothing"),
    Row("GET", "/api/files/serve/{key}", (), "plain", subject="nothing"),
    Row("GET", f"{W}/executions/{{execution_id}}", LOOK, "plain"),
    Row("POST", f"{W}/executions/{{execution_id}}/cancel", (EXECUTE,), "plain"),
    Row("GET", f"{W}/status", LOOK),
    Row("GET", f"{W}/deploy", (READ,)),
    Row("POST", f"{W}/deploy", (DEPLOY,)),
    Row("DELETE", f"{W}/deploy", (DEPLOY,)),
    Row("PATCH", f"{W}/deploy", (ADMIN,), body={"isPublicApi": False}),
    Row("GET", f"{W}/deployed", (READ,)),
    Row("GET", f"{W}/deployments", (READ,)),
    Row("GET", f"{W}/deployments/{{version}}", (READ,)),
    Row("PATCH", f"{W}/deployments/{{version}}", (WRITE,), body={"name": "n"}),
    Row("POST", f"{W}/deployments/{{version}}/revert", (DEPLOY,)),
    Row("GET", f"{W}/diff", (READ,)),
    Row("GET", f"{W}/problems", (READ,)),
    Row("GET", "/api/workflows", (READ,), subject="nothing"),
    Row("POST", "/api/workflows", (WRITE,), subject="nothing", body={"name": "New"}),
    Row("PUT", W, (WRITE,), body={"name": "Other"}),
    Row("DELETE", W, (DEPLOY,)),
    Row("GET", f"{W}/chat/status", (READ,)),
    Row("GET", f"{W}/state", (READ,)),
    Row("PUT", f"{W}/state", (WRITE,), body=STATE),
    Row("GET", V1, (READ,), "v1", "workspace", query="?workspaceId=WS1"),
    Row("POST", f"{V1}/import", (WRITE,), "v1", "workspace", body=FILE),
    Row("GET", f"{V1}/{{workflow_id}}", (READ,), "v1"),
    Row("GET", f"{V1}/{{workflow_id}}/export", (READ,), "v1"),
    Row("POST", f"{V1}/{{workflow_id}}/deploy", (DEPLOY,), "v1"),
    Row("DELETE", f"{V1}/{{workflow_id}}/deploy", (DEPLOY,), "v1"),
    Row("POST", f"{V1}/{{workflow_id}}/rollback", (DEPLOY,), "v1", body={"version": 1}),
    Row("GET", "/api/v1/logs", (READ,), "v1", "workspace", query="?workspaceId=WS1"),
    Row("GET", V2, (READ,), "v2", "workspace", query="?workspaceId=WS1"),
    Row("POST", f"{V2}/import", (WRITE,), "v2", "workspace", body=FILE),
    Row("GET", f"{V2}/{{workflow_id}}/export", (READ,), "v2"),
    Row("POST", f"{V2}/{{workflow_id}}/deploy", (DEPLOY,), "v2"),
    Row("DELETE", f"{V2}/{{workflow_id}}/deploy", (DEPLOY,), "v2"),
    Row("POST", f"{V2}/{{workflow_id}}/rollback", (DEPLOY,), "v2", body={"version": 1}),
    Row("GET", f"{V2}/{{workflow_id}}/deployment", (READ,), "v2"),
    Row("GET", f"{V2}/{{workflow_id}}/versions", (READ,), "v2"),
    Row("GET", f"{V2}/{{workflow_id}}/versions/{{version}}", (READ,), "v2"),
    Row("POST", f"{V2}/{{workflow_id}}/execute", (EXECUTE,), "v2", body={}),
    Row("GET", f"{V2}/{{workflow_id}}/runs", LOOK, "v2"),
    Row("GET", f"{V2}/{{workflow_id}}/runs/{{run_id}}", LOOK, "v2"),
    Row("POST", f"{V2}/{{workflow_id}}/runs/{{run_id}}/cancel", (EXECUTE,), "v2"),
)
ELSEWHERE: Final = frozenset(
    {
        "GET /api/resume/{workflow_id}/{execution_id}",
        "GET /api/resume/{workflow_id}/{execution_id}/{context_id}",
        "POST /api/resume/{workflow_id}/{execution_id}/{context_id}",
        "GET /api/workflows/{workflow_id}/paused",
        "GET /api/workflows/{workflow_id}/paused/{execution_id}",
        "POST /api/v2/workflows/{workflow_id}/runs/{run_id}/resume",
        "POST /api/v2/workflows/{workflow_id}/runs/cancel",
        "GET /api/v2/workflows/{workflow_id}/runs/{run_id}/events",
        "GET /api/v1/logs/{log_id}",
        "GET /api/v1/logs/executions/{execution_id}",
        "GET /api/v1/dead-letters",
        "DELETE /api/v1/dead-letters/{letter_id}",
        "POST /api/v1/dead-letters/{letter_id}/redrive",
        "POST /api/v1/runs/{run_id}/redrive",
        "GET /api/workflows/{workflow_id}/openapi.json",
        "GET /api/workflows/{workflow_id}/samples",
        "GET /api/workspaces/{workspace_id}/callback-secret",
        "GET /api/workspaces/{workspace_id}/deliveries",
        "POST /api/workspaces/{workspace_id}/deliveries/{delivery_id}/resend",
        "GET /api/workspaces/{workspace_id}/notifications",
        "POST /api/workspaces/{workspace_id}/notifications",
        "GET /api/workspaces/{workspace_id}/notifications/{notification_id}",
        "PUT /api/workspaces/{workspace_id}/notifications/{notification_id}",
        "DELETE /api/workspaces/{workspace_id}/notifications/{notification_id}",
        "POST /api/workspaces/{workspace_id}/notifications/{notification_id}/test",
        "POST /api/chat",
        "GET /api/chat/validate",
        "GET /api/chat/manage/{chat_id}",
        "PATCH /api/chat/manage/{chat_id}",
        "DELETE /api/chat/manage/{chat_id}",
        "GET /api/chat/{identifier}",
        "POST /api/chat/{identifier}",
        "GET /v1/models",
        "POST /v1/chat/completions",
    }
)
"""Routes whose own tests say who may use them, since they need more than these fakes can give."""
