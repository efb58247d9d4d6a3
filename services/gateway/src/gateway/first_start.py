"""First start: creates a workspace, an admin and a key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.access.credentials import ALL_SCOPES, ApiKey, Workspace
from gateway.access.models import Account, User, new_password
from gateway.access.passwords import Argon2Passwords
from gateway.access.plans import PlanName
from gateway.database import TenantStore
from shared.clock import Clock
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.security.api_keys import hash_key, mask_key, new_key

ADMIN_EMAIL: Final = "admin@flowport.local"


log = get_logger("first_start")


@dataclass(frozen=True)
class FirstKey:
    """Key with every scope, in clear, shown once to the operator."""

    workspace_id: str
    admin_email: str
    api_key: str


@dataclass(frozen=True)
class FirstPassword:
    """First admin's sign-in, shown once to the operator."""

    admin_email: str
    password: str


class FirstStart:
    """Creation of the first workspace and its admin.

    An admin who cannot sign in yet gets the password `admin_password`, or else a generated one, if a callback can
    report it. The same holds for the first key.
    """

    def __init__(
        self,
        tenants: TenantStore,
        passwords: Argon2Passwords,
        clock: Clock,
        plan: PlanName,
        *,
        admin_email: str = ADMIN_EMAIL,
        admin_password: str = "",
        on_key: Callable[[FirstKey], None] | None = None,
        on_password: Callable[[FirstPassword], None] | None = None,
    ) -> None:
        self._tenants = tenants
        self._passwords = passwords
        self._clock = clock
        self._plan = plan
        self._admin_email = admin_email
        self._admin_password = admin_password
        self._on_key = on_key
        self._on_password = on_password

    async def start(self) -> None:
        """Create the workspace, the admin and the key if they are missing. Raises Unavailable."""
        workspace, admin = await self.first_workspace()
        if admin.password_hash is None:
            await self._set_initial_password(admin.user)
        if self._on_key is not None and not await self._tenants.has_keys(workspace.id):
            await self.make_key(workspace, self._on_key)

    async def stop(self) -> None:
        """Do nothing: no resources are held."""

    async def first_workspace(self) -> tuple[Workspace, Account]:
        """Return the first workspace and its first admin, created if missing."""
        now = self._clock.now()
        workspace = Workspace(id=new_id(), name="My Workspace", plan=self._plan, created_at=now)
        new_account = Account(user=User(id=new_id(), email=self._admin_email, name="Admin", created_at=now))
        first, admin_id = await self._tenants.create_first(workspace, new_account)
        return first, await self._tenants.account(admin_id) or new_account

    async def make_key(self, workspace: Workspace, notify: Callable[[FirstKey], None]) -> None:
        """Create a key with every scope. It is reported before it is stored: an unreported key would be useless."""
        clear, key_id = new_key(), new_id()
        notify(FirstKey(workspace.id, self._admin_email, clear))
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
        log.info("first_key_created", workspace_id=workspace.id, key_id=key_id)

    async def set_password(self, password: str, *, only_if_none: bool = False) -> FirstPassword:
        """Set the first admin's password, replacing any other or only if missing. Raises Unavailable."""
        _, admin = await self.first_workspace()
        if admin.password_hash is None or not only_if_none:
            await self._tenants.set_password(admin.user.id, await self._passwords.hash(password))
            log.info("admin_password_set", user_id=admin.user.id)
        return FirstPassword(admin.user.email, password)

    async def _set_initial_password(self, admin: User) -> None:
        if not self._admin_password and self._on_password is None:
            return
        password = self._admin_password or new_password()
        password_hash = await self._passwords.hash(password)
        was_set = await self._tenants.set_password(admin.id, password_hash, only_if_none=True)
        if was_set and not self._admin_password and self._on_password is not None:
            self._on_password(FirstPassword(admin.email, password))
