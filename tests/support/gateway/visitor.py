"""A person with a browser who signs in and keeps the cookie."""

from dataclasses import dataclass
from typing import Any

import msgspec
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import BASE, Answer, Call, System

from gateway.access.credentials import SECURE_COOKIE
from gateway.access.models import Account, Role, User

PASSWORD = "correct horse"


def enroll(system: System, name: str, role: Role | None = None, *, workspace: str = "WS1") -> User:
    """Add an account with the usual password and a membership in a workspace."""
    user = User(id=f"u-{name}", email=f"{name}@example.com", name=name.title(), created_at=NOON)
    system.tenants.accounts[user.id] = Account(user=user, password_hash=f"hash of {PASSWORD}")
    if role is not None:
        system.tenants.join(workspace, user.id, role)
    return user


@dataclass
class Visitor:
    """Sends the headers that a browser sends from our own page."""

    system: System
    token: str = ""
    origin: str = BASE
    address: str = "127.0.0.1"

    @classmethod
    async def with_role(cls, system: System, role: Role, name: str = "") -> "Visitor":
        """Sign in as a new member."""
        user = enroll(system, name or role.value, role)
        visitor = cls(system)
        assert (await visitor.sign_in(user.email)).status == 200
        return visitor

    async def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        answer = await self.send("POST", "/api/auth/sign-in/email", {"email": email, "password": password})
        self._keep(answer)
        return answer

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        answer = await self.call(method, path, body, **headers).done()
        self._keep(answer)
        return answer

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Call:
        """Send a request; the answer fills as it arrives."""
        shown = {"cookie": f"theme=dark; {SECURE_COOKIE}={self.token}"} if self.token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        origin = {"origin": self.origin} if self.origin else {}
        raw = b"" if body is None else msgspec.json.encode(body)
        return self.system.call(method, path, headers={**shown, **origin, **named}, body=raw, address=self.address)

    async def get(self, path: str) -> Any:
        """Return the JSON of a successful answer."""
        answer = await self.send("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def _keep(self, answer: Answer) -> None:
        cookie = answer.headers.get("set-cookie", "")
        if cookie.startswith(f"{SECURE_COOKIE}="):
            self.token = cookie.partition("=")[2].partition(";")[0].strip('"')
