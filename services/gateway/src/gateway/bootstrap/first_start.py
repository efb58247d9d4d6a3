"""A new system gets a workspace, an admin and a key, so that there is something to begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.access.domain.credentials import ALL_SCOPES, ApiKey, Workspace
from gateway.access.domain.people import Account, User, new_password
from gateway.access.domain.plans import PlanName
from gateway.access.ports.accounts import Passwords
from gateway.bootstrap.database_port import TenantDatabase
from shared.clock import Clock
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.security.keys import hash_key, mask_key, new_key

ADMIN_EMAIL: Final = "admin@flowport.local"

log = get_logger("first_start")


@dataclass(frozen=True)
class FirstKey:
    """What the operator is told once: a key with every scope, in clear."""

    workspace_id: str
    admin_email: str
    api_key: str


@dataclass(frozen=True)
class FirstPassword:
    """What the operator is told once: how the first admin signs in."""

    admin_email: str
    password: str


class FirstStart:
    """Founds the first workspace and its admin.

    The admin who cannot sign in yet gets the password `admin_password`, or without one a new password, if there is
    somebody to tell it to. So it is with the first key.
    """

    def __init__(
        self,
        tenants: TenantDatabase,
        passwords: Passwords,
        clock: Clock,
        plan: PlanName,
        *,
        admin_email: str = ADMIN_EMAIL,
        admin_password: str = "",
        tell_key: Callable[[FirstKey], None] | None = None,
        tell_password: Callable[[FirstPassword], None] | None = None,
    ) -> None:
        self._tenants = tenants
        self._passwords = passwords
        self._clock = clock
        self._plan = plan
        self._admin_email = admin_email
        self._admin_password = admin_password
        self._tell_key = tell_key
        self._tell_password = tell_password

    async def start(self) -> None:
        """Found what is missing. Raises Unavailable."""
        workspace, admin = await self.found()
        if admin.password_hash is None:
            await self._give_password(admin.user)
        if self._tell_key is not None and not await self._tenants.has_keys(workspace.id):
            await self.make_key(workspace, self._tell_key)

    async def stop(self) -> None:
        """Nothing is held."""

    async def found(self) -> tuple[Workspace, Account]:
        """The first workspace and its first admin, made now if there are none."""
        now = self._clock.now()
        workspace = Workspace(id=new_id(), name="My Workspace", plan=self._plan, created_at=now)
        wanted = Account(user=User(id=new_id(), email=self._admin_email, name="Admin", created_at=now))
        founded, admin_id = await self._tenants.found(workspace, wanted)
        return founded, await self._tenants.account(admin_id) or wanted

    async def make_key(self, workspace: Workspace, tell: Callable[[FirstKey], None]) -> None:
        """A new key with every scope. It is told before it is stored: one that nobody knows opens nothing."""
        clear, key_id = new_key(), new_id()
        tell(FirstKey(workspace.id, self._admin_email, clear))
        await self._tenants.add_key(
            ApiKey(
                id=key_id,
                workspace_id=workspace.id,
                name=f"Admin key {key_id[:8]}",
                key_hash=hash_key(clear),
                display=mask_key(clear),
                scopes=ALL_SCOPES,
                created_by=self._admin_email,
                created_at=self._clock.now(),
            )
        )
        log.info("the first key was made", workspace_id=workspace.id, key_id=key_id)

    async def set_password(self, password: str, *, only_if_none: bool = False) -> FirstPassword:
        """Give the first admin this password, in place of any other or only where there is none. Raises Unavailable."""
        _, admin = await self.found()
        if admin.password_hash is None or not only_if_none:
            await self._tenants.set_password(admin.user.id, await self._passwords.hash(password))
            log.info("the first admin's password was set", user_id=admin.user.id)
        return FirstPassword(admin.user.email, password)

    async def _give_password(self, admin: User) -> None:
        if not self._admin_password and self._tell_password is None:
            return
        password = self._admin_password or new_password()
        password_hash = await self._passwords.hash(password)
        was_set = await self._tenants.set_password(admin.id, password_hash, only_if_none=True)
        if was_set and not self._admin_password and self._tell_password is not None:
            self._tell_password(FirstPassword(admin.email, password))
