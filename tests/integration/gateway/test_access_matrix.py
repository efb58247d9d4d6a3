"""Every route × every kind of caller: the status and message of the contract. A route without a row fails."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio
from starlette.routing import BaseRoute, Route
from tests.support.access_table import AGENT, CHAT, OPEN, SERVER, TABLE, WEBHOOK, Row
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Answer, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.visitor import Visitor, enroll
from tests.support.gateway.worker import outcome

from gateway.access.credentials import ROLE_SCOPES, Scope
from gateway.access.models import Role
from gateway.web.console_assets import PAGES, ConsoleFiles
from shared.contracts.jobs import PauseKind, PausePoint
from shared.contracts.recordings import Recording
from shared.contracts.runs import RunStatus
from shared.security.api_keys import new_key

KEYS: Final = {
    "key: execute": frozenset({Scope.EXECUTE}),
    "key: read": frozenset({Scope.READ}),
    "key: write": frozenset({Scope.WRITE}),
    "key: deploy": frozenset({Scope.DEPLOY, Scope.WRITE}),
    "key: approve": frozenset({Scope.APPROVE}),
    "key: admin": frozenset(Scope),
}
LIMITED: Final = {"key: admin of W": ("W",), "key: admin of another workflow": ("V",)}
SESSIONS: Final = {f"session: {role}": ROLE_SCOPES[role] for role in Role}
JSON: Final = "application/json"
REFUSED: Final = ("nobody", "wrong key", "mistyped key", "revoked key", "expired key")
STRANGERS: Final = ("another workspace's key", "session of a stranger")
UNWANTED: Final = ("personal key", "personal key that goes elsewhere too")
"""Error for admins of a workspace that forbids personal keys."""
NOT_ABOUT_IT: Final = ("nothing", "user")
"""Subjects where members of another workspace get an answer for that workspace."""
NO_LIMITS: Final[dict[str, Any]] = {
    "plan_limits": {"free": {f"{kind}_rate": 1_000_000 for kind in ("sync", "async", "api")}}
}
CALLERS: Final = (*REFUSED, *STRANGERS, *UNWANTED, *KEYS, *LIMITED, *SESSIONS)


@dataclass
class Stage:
    """A system with every kind of caller in it."""

    system: System
    keys: dict[str, str] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)

    async def send(self, row: Row, who: str) -> Answer:
        if who in self.visitors:
            body = row.body if row.from_session is None else row.from_session
            return await self.visitors[who].send(row.method, row.url, body, content_type=JSON, accept=JSON)
        shown = self.keys.get(who)
        body = b"" if row.body is None else msgspec.json.encode(row.body)
        headers = {"content-type": JSON, "accept": JSON, **({"x-api-key": shown} if shown else {})}
        return await self.system.request(row.method, row.url, headers=headers, body=body)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with running_system(**NO_LIMITS) as system:
        made = Stage(system)
        tenants = system.tenants
        system.jobs.views["E2"] = a_view(RunStatus.COMPLETED, run_id="E2", output=outcome().output)
        good = new_key()
        made.keys = {
            "wrong key": new_key(),
            "mistyped key": good[:-1] + ("A" if good[-1] != "A" else "Q"),
            "revoked key": tenants.issue(),
            "expired key": tenants.issue(expires_at=NOON + timedelta(seconds=1)),
            "another workspace's key": tenants.issue(OTHER),
            **{name: tenants.issue(scopes=scopes) for name, scopes in KEYS.items()},
            **{name: tenants.issue(workflow_ids=workflow_ids) for name, workflow_ids in LIMITED.items()},
        }
        await _set(made)
        tenants.revoke(made.keys["revoked key"])
        for role in Role:
            made.visitors[f"session: {role}"] = await Visitor.with_role(system, role)
        system.clock.advance(1)
        enroll(system, "stranger", Role.ADMIN, workspace="WS2")
        made.visitors["session of a stranger"] = Visitor(system)
        await made.visitors["session of a stranger"].sign_in("stranger@example.com")
        for who in UNWANTED:
            made.keys[who] = tenants.issue_personal(enroll(system, who.replace(" ", "-"), Role.ADMIN))
        tenants.join("WS2", f"u-{UNWANTED[1].replace(' ', '-')}", Role.ADMIN)
        tenants.workspaces["WS1"] = msgspec.structs.replace(tenants.workspaces["WS1"], allow_personal_keys=False)
        yield made


def error_text(row: Row, answer: Answer) -> str:
    """Return the message of an error, in the format of the API generation."""
    body = answer.json
    if row.style in ("v2", "openai"):
        return str(body["error"]["message"])
    assert isinstance(body["error"], str), "an error of the older generations is a text"
    if row.style == "legacy":
        assert body["code"] == "_".join(body["error"].upper().split())
        assert body["requestId"]
    return str(body["error"])


def anonymous_answer(row: Row) -> str:
    if "usage-limits" in row.path:
        return "Authentication required"
    return "API key required" if row.style in ("v1", "v2") else "Unauthorized"


def check_refused(row: Row, who: str, answer: Answer) -> None:
    assert answer.status == 401, answer.body
    assert error_text(row, answer) == (anonymous_answer(row) if who == "nobody" else "Invalid API key")


def check_stranger(row: Row, who: str, answer: Answer) -> None:
    if row.hides is not None:
        assert (answer.status, error_text(row, answer)) == (404, row.hides)
        return
    if row.subject == "workflow" and row.style in ("v1", "v2") and "execute" not in row.path:
        assert (answer.status, error_text(row, answer)) == (404, "Workflow not found")
        return
    if row.subject == "workflow" and row.style == "v2" and answer.status == 404:
        return  # execute: masked for keys
    assert answer.status in (403, 404), answer.body
    if row.style != "v2":
        expected = (
            "API key is not authorized for this workspace"
            if "key" in who
            else "Unauthorized: Access denied to read this workflow"
        )
        assert error_text(row, answer) == expected


def check_unwanted(row: Row, who: str, answer: Answer) -> None:
    assert (answer.status, error_text(row, answer)) == (403, "Personal API keys are not allowed for this workspace")


def check_scopes(row: Row, who: str, answer: Answer, scopes: frozenset[Scope]) -> None:
    needs = row.needs or ()
    is_session = who in SESSIONS
    if row.subject == "user":
        assert (answer.status == 403) is not is_session, answer.body
        return
    if is_session and row.of_people is not None:
        needs = row.of_people
    if row.also is not None and row.also not in scopes and not scopes.isdisjoint(needs):
        needs = (row.also,)
    if not needs or Scope.ADMIN in scopes or not scopes.isdisjoint(needs):
        assert answer.status in row.answers, answer.body
        return
    assert answer.status == 403, answer.body
    if row.forbidden and Scope.ADMIN in needs:
        assert error_text(row, answer) == "Forbidden"
    elif is_session:
        assert error_text(row, answer) == f"Unauthorized: Access denied to {smallest_role(needs[0])} this workflow"
    else:
        assert error_text(row, answer) == f"API key lacks the {' or '.join(needs)} scope"


def smallest_role(needed: Scope) -> Role:
    return next(role for role in (Role.READ, Role.WRITE, Role.ADMIN) if needed in ROLE_SCOPES[role])


def check_limited(row: Row, who: str, answer: Answer) -> None:
    if row.subject == "user" or row.concerns == "all":
        assert answer.status == 403, answer.body
        if row.subject != "user":
            assert error_text(row, answer) == "API key is limited to some workflows of this workspace"
    elif row.concerns == "one" and LIMITED[who] != ("W",):
        assert answer.status in (403, 404), answer.body
    else:
        assert answer.status in row.answers, answer.body


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_each_caller_gets_the_answer_of_the_contract(stage: Stage, row: Row) -> None:
    checks: dict[str, Callable[[Row, str, Answer], None]] = {
        **dict.fromkeys(REFUSED, check_refused),
        **dict.fromkeys(STRANGERS, check_stranger),
        **dict.fromkeys(UNWANTED, check_unwanted),
        **dict.fromkeys(LIMITED, check_limited),
    }
    failures: list[str] = []
    for who in CALLERS:
        if row.needs is None or (who in (*STRANGERS, UNWANTED[1]) and row.subject in NOT_ABOUT_IT):
            continue
        answer = await stage.send(row, who)
        try:
            if who in checks:
                checks[who](row, who, answer)
            else:
                check_scopes(row, who, answer, {**KEYS, **SESSIONS}[who])
        except AssertionError as error:
            failures.append(f"{who}: {answer.status} {answer.body[:200]!r}: {str(error).splitlines()[0]}")
        await _set(stage)
    assert not failures, "\n".join([row.name, *failures])


PEOPLE: Final[Mapping[str, Role | None]] = {**{str(role): role for role in Role}, "no member": None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people() -> AsyncIterator[Stage]:
    """Yield each role, and a member of another workspace, by session and by a personal key with every scope."""
    async with running_system(**NO_LIMITS) as system:
        made = Stage(system)
        system.jobs.views["E2"] = a_view(RunStatus.COMPLETED, run_id="E2", output=outcome().output)
        made.keys["key: admin"] = system.tenants.issue()
        await _set(made)
        for name, role in PEOPLE.items():
            user = enroll(system, name.replace(" ", "-"), role or Role.ADMIN, workspace="WS1" if role else "WS2")
            made.keys[f"personal key: {name}"] = system.tenants.issue_personal(user)
            visitor = made.visitors[f"session: {name}"] = Visitor(system)
            assert (await visitor.sign_in(user.email)).status == 200
        yield made


def role_allows(row: Row, role: Role | None) -> bool:
    """Return whether a member with this role may perform the row's request."""
    needs = row.of_people or row.needs
    return role is not None and (not needs or not ROLE_SCOPES[role].isdisjoint(needs))


@pytest.mark.parametrize("row", [row for row in TABLE if row.needs is not None], ids=lambda row: row.name)
async def test_a_personal_key_has_at_most_the_permissions_of_its_owners_role(people: Stage, row: Row) -> None:
    failures: list[str] = []
    for name, role in PEOPLE.items():
        sent: list[Answer] = []
        for who in (f"session: {name}", f"personal key: {name}"):
            sent.append(await people.send(row, who))
            await _set(people)
        session, key = sent
        if row.subject == "user":
            as_expected = session.status in row.answers and key.status == 403
        elif row.subject == "nothing" and role is None:
            as_expected = session.status == key.status  # it concerns their own workspace
        else:
            expected = row.answers if role_allows(row, role) else (403, 404)
            as_expected = session.status in expected and key.status in expected
        if not as_expected:
            failures.append(f"{name}: session {session.status}, personal key {key.status}: {key.body[:200]!r}")
    assert not failures, "\n".join([row.name, *failures])


async def test_every_route_has_a_row(stage: Stage) -> None:
    described: dict[str, dict[str, Any]] = stage.system.app.openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    rows = [row.name for row in TABLE]
    assert len(rows) == len(set(rows))
    assert routes - set(rows) == set(), "routes without a row in access_table.py"
    assert set(rows) - routes == set(), "rows without a route"


async def test_a_route_without_a_row_is_a_public_page(stage: Stage) -> None:
    described: dict[str, Any] = stage.system.app.openapi()["paths"]
    console = {
        *(page.replace(":path", "") for page in PAGES),
        "/assets/{name}",
        *(f"/{name}" for name in ConsoleFiles().top_level_files()),
        *(["/docs"] if ConsoleFiles().has_docs else []),
    }
    assert set(paths_of(stage.system.app.routes)) - set(described) - console == set(OPEN)


def paths_of(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield all routes, those of included routers too."""
    for route in routes:
        if isinstance(route, Route):
            yield route.path_format
        else:
            yield from paths_of(getattr(route, "original_router").routes)  # noqa: B009 - FastAPI does not export the type


async def _set(stage: Stage) -> None:
    """Restore what a permitted caller deleted for the next one."""
    system = stage.system
    if "W" not in system.deployments.endpoints or not system.deployments.endpoints["W"].is_deployed:
        system.deployments.put("W")
    asks = PausePoint("ask", "ask", PauseKind.HUMAN, NOON)
    system.jobs.views["E1"] = a_view(RunStatus.PAUSED, paused_at=NOON, pauses=(asks,))
    system.jobs.resumed.clear()
    system.recordings.put(Recording(run_id="E1", workspace_id="WS1", workflow_id="W", started_at=NOON))
    system.chats.stored.clear()
    system.agents.stored.clear()
    system.tool_servers.stored.clear()
    system.webhooks.kept.clear()
    await stage.send(Row("POST", "/api/chat", (), body=CHAT), "key: admin")
    await stage.send(Row("POST", "/api/a2a/agents", (), body=AGENT), "key: admin")
    await stage.send(Row("POST", "/api/mcp/workflow-servers", (), body=SERVER), "key: admin")
    await stage.send(Row("POST", "/api/workspaces/WS1/notifications", (), body=WEBHOOK), "key: admin")
