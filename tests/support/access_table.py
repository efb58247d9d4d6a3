"""Permissions: one row for every route of the gateway."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.access.credentials import Scope

Style = Literal["legacy", "plain", "v1", "v2", "auth", "openai"]
Subject = Literal["nothing", "workflow", "workspace", "user"]
Reach = Literal["one", "own", "all"]
"""One workflow, a key's workflows, or the whole workspace."""
REACHES: Final[dict[Subject, Reach]] = {"workflow": "one", "workspace": "all"}
SUCCESS: Final = (200, 201, 202, 204)
NOTHING_THERE: Final = (404,)


@dataclass(frozen=True)
class Row:
    """A route, the permission that it requires, and a request that is valid except for its caller."""

    method: str
    path: str
    needs: tuple[Scope, ...] | None
    """Any of these scopes; None if the route is public."""
    style: Style = "legacy"
    subject: Subject = "workflow"
    """Owner of the resource: others get 403, or 404 where its existence is hidden."""
    body: Any = None
    query: str = ""
    forbidden: str | None = None
    """Error for a member with too small a role, where it does not concern a workflow."""
    hides: str | None = None
    """Error for outsiders where the resource is hidden and is no workflow."""
    of_people: tuple[Scope, ...] | None = None
    """Required role, by session or personal key, where it differs from a key's scopes."""
    from_session: Any = None
    """Equivalent body by session, where the meaning of `body` depends on the caller."""
    answers: tuple[int, ...] = SUCCESS
    """Status for permitted callers: differs where the table names a missing resource, or one twice."""
    run_id: str = "E1"
    """The run that the request concerns, if any."""
    also: Scope | None = None
    """Scope required besides."""
    reach: Reach | None = None
    """Which workflows it concerns, where the subject does not determine it."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def concerns(self) -> Reach:
        return self.reach or REACHES.get(self.subject, "own")

    @property
    def url(self) -> str:
        filled = self.path
        for parameter, value in {**VALUES, **dict.fromkeys(RUN_NAMES, self.run_id)}.items():
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
    "context_id": "ask",
    "letter_id": "L1",
    "notification_id": "S1",
    "delivery_id": "D1",
    "chat_id": "C1",
    "server_id": "S1",
    "agent_id": "A1",
    "replay_id": "none",
    "tool_id": "W",
    "identifier": "nowhere",
    "key": "none",
}
RUN_NAMES: Final = ("run_id", "execution_id", "log_id")
READ, WRITE, DEPLOY, ADMIN, EXECUTE = Scope.READ, Scope.WRITE, Scope.DEPLOY, Scope.ADMIN, Scope.EXECUTE
APPROVE: Final = Scope.APPROVE
LOOK: Final = (READ, EXECUTE)
STATE: Final[dict[str, Any]] = {"blocks": {}, "edges": []}
WEBHOOK: Final = {"allWorkflows": True, "webhookConfig": {"url": "https://example.com/"}}
CHAT: Final = {
    "workflowId": "W",
    "identifier": "somewhere",
    "title": "Talk",
    "customizations": {},
    "authType": "public",
}
SERVER: Final = {"name": "Desk", "workflowIds": ["W"]}
AGENT: Final = {"workflowId": "W"}
ASK_TASK: Final = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "none"}}
PING: Final = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
QUESTION: Final = {"model": "W", "messages": [{"role": "user", "content": "Hello"}]}
FILE: Final = {"workspaceId": "WS1", "workflow": {"version": "1.0", "state": STATE}}

V1: Final = "/api/v1/workflows"
V2: Final = "/api/v2/workflows"
W: Final = "/api/workflows/{workflow_id}"
WS: Final = "/api/workspaces/{workspace_id}"
RESUME: Final = "/api/resume/{workflow_id}/{execution_id}"
NOTICES: Final = f"{WS}/notifications"
LETTERS: Final = "/api/v1/dead-letters"
SERVERS: Final = "/api/mcp/workflow-servers"
ONE_SERVER: Final = f"{SERVERS}/{{server_id}}"
ONE_AGENT: Final = "/api/a2a/agents/{agent_id}"
SERVE_AGENT: Final = "/api/a2a/serve/{agent_id}"
MINE: Final = "/api/users/me/api-keys"


def _in_workspace(
    method: str, path: str, needs: tuple[Scope, ...], body: Any = None, *, answers: tuple[int, ...] = SUCCESS
) -> Row:
    return Row(method, path, needs, subject="workspace", body=body, forbidden="Forbidden", answers=answers)


TABLE: Final = (
    Row("POST", "/api/auth/sign-in/email", None, "auth", "nothing", {"email": "a@b", "password": "x"}),
    Row("GET", "/api/auth/get-session", None, "auth", "nothing"),
    Row("POST", "/api/auth/sign-out", None, "auth", "nothing"),
    Row("POST", "/api/auth/change-password", None, "auth", "nothing"),
    Row("POST", "/api/invitations/look", None, subject="nothing", body={"token": "x"}),
    Row("POST", "/api/invitations/accept", None, subject="nothing", body={"token": "x"}),
    Row("GET", "/api/workspaces", (READ,), subject="nothing"),
    Row("POST", "/api/workspaces", (), subject="user", body={"name": "New"}),
    Row("GET", WS, (READ,), subject="workspace", forbidden="Forbidden", reach="own"),
    _in_workspace("PATCH", WS, (ADMIN,), {"name": "Other"}),
    _in_workspace("DELETE", WS, (ADMIN,)),
    Row("DELETE", f"{WS}/workflows/{{workflow_id}}", (ADMIN,), subject="workspace", forbidden="Forbidden", reach="one"),
    Row("GET", f"{WS}/workflows/deleted", (READ,), subject="workspace", reach="own"),
    Row(
        "POST",
        f"{WS}/workflows/{{workflow_id}}/restore",
        (DEPLOY,),
        subject="workspace",
        body={},
        answers=NOTHING_THERE,
        reach="one",
    ),
    Row("GET", f"{WS}/queue", (READ,), subject="workspace", reach="own"),
    _in_workspace("GET", f"{WS}/erasures", (ADMIN,)),
    _in_workspace("GET", f"{WS}/members", (READ,)),
    _in_workspace("PATCH", f"{WS}/members/{{user_id}}", (ADMIN,), {"role": "read"}, answers=NOTHING_THERE),
    _in_workspace("DELETE", f"{WS}/members/{{user_id}}", (ADMIN,), answers=NOTHING_THERE),
    _in_workspace("GET", f"{WS}/invitations", (ADMIN,)),
    _in_workspace("POST", f"{WS}/invitations", (ADMIN,), {"role": "read"}),
    _in_workspace("DELETE", f"{WS}/invitations/{{invitation_id}}", (ADMIN,), answers=NOTHING_THERE),
    _in_workspace("GET", f"{WS}/api-keys", (READ,)),
    _in_workspace("POST", f"{WS}/api-keys", (ADMIN,), {"name": "new"}, answers=(*SUCCESS, 409)),
    _in_workspace("DELETE", f"{WS}/api-keys", (ADMIN,), {"keys": ["none"]}),
    _in_workspace("PUT", f"{WS}/api-keys/{{key_id}}", (ADMIN,), {"name": "new"}, answers=NOTHING_THERE),
    _in_workspace("DELETE", f"{WS}/api-keys/{{key_id}}", (ADMIN,), answers=NOTHING_THERE),
    _in_workspace("POST", f"{WS}/api-keys/{{key_id}}/rotate", (ADMIN,), answers=NOTHING_THERE),
    Row("GET", MINE, (), subject="user"),
    Row("POST", MINE, (), subject="user", body={"name": "mine"}),
    Row("DELETE", MINE, (), subject="user", body={"keys": ["none"]}),
    Row("PUT", f"{MINE}/{{key_id}}", (), subject="user", body={"name": "mine"}, answers=NOTHING_THERE),
    Row("DELETE", f"{MINE}/{{key_id}}", (), subject="user", answers=NOTHING_THERE),
    Row("POST", f"{MINE}/{{key_id}}/rotate", (), subject="user", answers=NOTHING_THERE),
    _in_workspace("GET", f"{WS}/environment", (READ,)),
    _in_workspace("PUT", f"{WS}/environment", (ADMIN,), {"variables": {}}),
    _in_workspace("PUT", f"{WS}/environment/{{name}}", (ADMIN,), {"value": "x"}),
    _in_workspace("DELETE", f"{WS}/environment/{{name}}", (ADMIN,), answers=(*SUCCESS, 404)),
    Row("GET", "/api/environment", (), subject="user"),
    Row("PUT", "/api/environment", (), subject="user", body={"variables": {}}),
    Row("PUT", "/api/environment/{name}", (), subject="user", body={"value": "x"}),
    Row("DELETE", "/api/environment/{name}", (), subject="user"),
    Row("GET", f"{WS}/audit", (ADMIN,), subject="workspace"),
    Row("GET", "/api/v1/audit-logs", (ADMIN,), "v1", "workspace", query="?workspaceId=WS1"),
    Row("GET", NOTICES, (READ,), subject="workspace"),
    Row("POST", NOTICES, (ADMIN,), subject="workspace", body=WEBHOOK),
    Row("GET", f"{NOTICES}/{{notification_id}}", (READ,), subject="workspace"),
    Row("PUT", f"{NOTICES}/{{notification_id}}", (ADMIN,), subject="workspace", body=WEBHOOK),
    Row("DELETE", f"{NOTICES}/{{notification_id}}", (ADMIN,), subject="workspace"),
    Row("POST", f"{NOTICES}/{{notification_id}}/test", (ADMIN,), subject="workspace"),
    Row("GET", f"{WS}/deliveries", (READ,), subject="workspace", reach="own"),
    Row("POST", f"{WS}/deliveries/{{delivery_id}}/resend", (ADMIN,), subject="workspace"),
    Row("GET", f"{WS}/callback-secret", (ADMIN,), subject="workspace"),
    Row("GET", LETTERS, (ADMIN,), "v1", "workspace", query="?workspaceId=WS1"),
    Row("DELETE", f"{LETTERS}/{{letter_id}}", (ADMIN,), "v1", "workspace", query="?workspaceId=WS1"),
    Row("POST", f"{LETTERS}/{{letter_id}}/redrive", (ADMIN,), "v1", "workspace", query="?workspaceId=WS1"),
    Row(
        "POST",
        "/api/v1/runs/{run_id}/redrive",
        (EXECUTE,),
        "v1",
        "workspace",
        query="?workspaceId=WS1",
        reach="one",
        of_people=(WRITE,),
    ),
    Row("GET", f"{V2}/{{workflow_id}}/recordings", (WRITE,), "v2"),
    Row("DELETE", f"{V2}/{{workflow_id}}/recordings", (WRITE,), "v2", query="?conversationId=c"),
    Row("GET", f"{V2}/{{workflow_id}}/recordings/{{run_id}}", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("POST", f"{V2}/{{workflow_id}}/recordings/{{run_id}}/replay", (WRITE,), "v2", body={}, also=EXECUTE),
    Row("DELETE", f"{V2}/{{workflow_id}}/recordings/{{run_id}}", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("POST", f"{V2}/{{workflow_id}}/replays", (WRITE,), "v2", body={}, also=EXECUTE),
    Row("GET", f"{V2}/{{workflow_id}}/replays", (WRITE,), "v2"),
    Row("GET", f"{V2}/{{workflow_id}}/replays/{{replay_id}}", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("GET", f"{V2}/{{workflow_id}}/replays/{{replay_id}}/results", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("GET", f"{V2}/{{workflow_id}}/replays/{{replay_id}}/report", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("POST", f"{V2}/{{workflow_id}}/replays/{{replay_id}}/cancel", (WRITE,), "v2", answers=(*SUCCESS, 404)),
    Row("POST", f"{W}/execute", (EXECUTE,), "plain", body={}, from_session={"useDraftState": False}),
    Row("GET", "/api/jobs/{job_id}", LOOK),
    Row("GET", "/api/users/me/usage-limits", (), subject="nothing"),
    Row("GET", "/api/block-types", (), subject="nothing"),
    Row("GET", "/api/models", (), subject="nothing"),
    Row("GET", "/api/files/serve/{key}", (), "plain", subject="nothing", answers=NOTHING_THERE),
    Row("GET", f"{W}/executions/{{execution_id}}", LOOK, "plain"),
    Row("POST", f"{W}/executions/{{execution_id}}/cancel", (EXECUTE,), "plain", of_people=(WRITE,)),
    Row("GET", f"{W}/executions/{{execution_id}}/stream", LOOK, "plain", run_id="E2"),
    Row("GET", f"{W}/status", LOOK),
    Row("GET", f"{W}/paused", LOOK, "plain"),
    Row("GET", f"{W}/paused/{{execution_id}}", LOOK, "plain"),
    Row("GET", RESUME, LOOK, "plain"),
    Row("GET", f"{RESUME}/{{context_id}}", LOOK, "plain"),
    Row("POST", f"{RESUME}/{{context_id}}", (APPROVE,), "plain", body={"input": {}}),
    Row("GET", f"{W}/samples", LOOK),
    Row("GET", f"{W}/openapi.json", LOOK),
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
    Row("GET", "/api/workflows/modified", (READ,), subject="nothing"),
    Row("POST", "/api/workflows", (WRITE,), subject="nothing", body={"name": "New"}, reach="all"),
    Row("PUT", W, (WRITE,), body={"name": "Other"}),
    Row("DELETE", W, (DEPLOY,)),
    Row("POST", "/api/chat", (ADMIN,), body=CHAT, answers=(*SUCCESS, 400)),
    Row("GET", "/api/chat/validate", (READ,), subject="nothing", query="?identifier=free"),
    Row("GET", "/api/chat/manage/{chat_id}", (READ,), hides="Chat not found"),
    Row("PATCH", "/api/chat/manage/{chat_id}", (ADMIN,), body={"title": "Speak"}, hides="Chat not found"),
    Row("DELETE", "/api/chat/manage/{chat_id}", (ADMIN,), hides="Chat not found"),
    Row("GET", "/api/chat/{identifier}", None, subject="nothing"),
    Row("POST", "/api/chat/{identifier}", None, subject="nothing", body={"input": "Hello"}),
    Row("POST", "/api/chat/{identifier}/otp", None, subject="nothing", body={"email": "a@b.example"}),
    Row("PUT", "/api/chat/{identifier}/otp", None, subject="nothing", body={"email": "a@b.example", "otp": "123456"}),
    Row("GET", f"{W}/chat/status", (READ,)),
    Row("GET", f"{W}/a2a", (READ,)),
    Row("POST", "/api/a2a/agents", (ADMIN,), body=AGENT, answers=(*SUCCESS, 400)),
    Row("GET", ONE_AGENT, (READ,), hides="Agent not found"),
    Row("PATCH", ONE_AGENT, (ADMIN,), body={"description": "d"}, hides="Agent not found"),
    Row("DELETE", ONE_AGENT, (ADMIN,), hides="Agent not found"),
    Row("GET", f"{SERVE_AGENT}/.well-known/agent-card.json", None, subject="nothing"),
    Row("POST", SERVE_AGENT, (EXECUTE,), body=ASK_TASK, hides="Agent not found"),
    Row("GET", SERVERS, (READ,), subject="nothing", reach="all"),
    Row("POST", SERVERS, (ADMIN,), subject="nothing", body=SERVER, reach="all"),
    Row("GET", ONE_SERVER, (READ,), hides="Server not found", reach="all"),
    Row("PATCH", ONE_SERVER, (ADMIN,), body={"description": "d"}, hides="Server not found", reach="all"),
    Row("DELETE", ONE_SERVER, (ADMIN,), hides="Server not found", reach="all"),
    Row("GET", f"{ONE_SERVER}/tools", (READ,), hides="Server not found", reach="all"),
    Row("POST", f"{ONE_SERVER}/tools", (ADMIN,), body={"workflowId": "W"}, hides="Server not found", reach="all"),
    Row(
        "PATCH",
        f"{ONE_SERVER}/tools/{{tool_id}}",
        (ADMIN,),
        body={"toolName": "t"},
        hides="Server not found",
        reach="all",
    ),
    Row("DELETE", f"{ONE_SERVER}/tools/{{tool_id}}", (ADMIN,), hides="Server not found", reach="all"),
    Row("GET", "/api/mcp/serve/{server_id}", (EXECUTE,), hides="Server not found", reach="own"),
    Row("POST", "/api/mcp/serve/{server_id}", (EXECUTE,), body=PING, hides="Server not found", reach="own"),
    Row("GET", f"{W}/state", (READ,)),
    Row("PUT", f"{W}/state", (WRITE,), body=STATE),
    Row("POST", f"{W}/state/conversions", (WRITE,), body={}),
    Row("GET", V1, (READ,), "v1", "workspace", query="?workspaceId=WS1", reach="own"),
    Row("POST", f"{V1}/import", (WRITE,), "v1", "workspace", body=FILE),
    Row("GET", f"{V1}/{{workflow_id}}", (READ,), "v1"),
    Row("GET", f"{V1}/{{workflow_id}}/export", (READ,), "v1"),
    Row("POST", f"{V1}/{{workflow_id}}/deploy", (DEPLOY,), "v1"),
    Row("DELETE", f"{V1}/{{workflow_id}}/deploy", (DEPLOY,), "v1"),
    Row("POST", f"{V1}/{{workflow_id}}/rollback", (DEPLOY,), "v1", body={"version": 1}),
    Row("GET", "/api/v1/logs", (READ,), "v1", "workspace", query="?workspaceId=WS1", reach="own"),
    Row("GET", "/api/v2/logs/statistics", (READ,), "v2", "workspace", query="?workspaceId=WS1", reach="own"),
    Row("GET", "/api/v1/logs/{log_id}", (READ,), "v1", hides="Log not found"),
    Row("GET", "/api/v1/logs/executions/{execution_id}", (READ,), "v1", hides="Workflow execution not found"),
    Row("GET", V2, (READ,), "v2", "workspace", query="?workspaceId=WS1", reach="own"),
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
    Row("POST", f"{V2}/{{workflow_id}}/runs/{{run_id}}/cancel", (EXECUTE,), "v2", of_people=(WRITE,)),
    Row("POST", f"{V2}/{{workflow_id}}/runs/cancel", (EXECUTE,), "v2", body={}, of_people=(WRITE,)),
    Row("POST", f"{V2}/{{workflow_id}}/runs/{{run_id}}/repair", (EXECUTE,), "v2", body={}, of_people=(WRITE,)),
    Row("POST", f"{V2}/{{workflow_id}}/runs/repair", (EXECUTE,), "v2", body={}, of_people=(WRITE,)),
    Row("POST", f"{V2}/{{workflow_id}}/runs/{{run_id}}/resume", (APPROVE,), "v2", body={"contextId": "ask"}),
    Row("GET", f"{V2}/{{workflow_id}}/runs/{{run_id}}/events", LOOK, "v2", run_id="E2"),
    Row("GET", "/v1/models", LOOK, "openai", "nothing"),
    Row("GET", "/v1/models/{workflow_id}", LOOK, "openai", hides="Workflow not found", reach="one"),
    Row("POST", "/v1/chat/completions", (EXECUTE,), "openai", body=QUESTION, hides="Workflow not found"),
)

OPEN: Final = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/schemas/workflow.json",
    f"{W}/docs",
    "/api/docs/page.js",
    "/api/docs/page.css",
    "/chat/{identifier}",
    "/chat/page/page.js",
    "/chat/page/markdown.js",
    "/chat/page/font.woff2",
    "/chat/page/page.css",
    "/help",
    "/help/{page}",
)
"""Pages without private data, and the probes of operators; not part of the API's description."""
