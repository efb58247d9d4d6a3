"""A new system gets a workspace, an admin and a key, so that there is something to begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.domain.credentials import ALL_SCOPES, ApiKey, Member, Workspace
from gateway.domain.plans import PlanName
from gateway.ports import Tenants
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


class FirstStart:
    """Founds the first workspace; a key is made only when there is somebody to tell it to, and none exists yet."""

    def __init__(
        self, tenants: Tenants, clock: Clock, plan: PlanName, tell: Callable[[FirstKey], None] | None = None
    ) -> None:
        self._tenants = tenants
        self._clock = clock
        self._plan = plan
        self._tell = tell

    async def start(self) -> None:
        """Found what is missing. Raises Unavailable."""
        workspace = await self.workspace()
        if self._tell is not None and not await self._tenants.has_keys(workspace.id):
            await self.make_key(workspace, self._tell)

    async def stop(self) -> None:
        """Nothing is held."""

    async def workspace(self) -> Workspace:
        """The first workspace, made now if there is none."""
        now = self._clock.now()
        workspace = Workspace(id=new_id(), name="My Workspace", plan=self._plan, created_at=now)
        admin = Member(
            id=new_id(), workspace_id=workspace.id, email=ADMIN_EMAIL, name="Admin", role="admin", created_at=now
        )
        return await self._tenants.found(workspace, admin)

    async def make_key(self, workspace: Workspace, tell: Callable[[FirstKey], None]) -> None:
        """A new key with every scope. It is told before it is stored: one that nobody knows opens nothing."""
        clear, key_id = new_key(), new_id()
        tell(FirstKey(workspace.id, ADMIN_EMAIL, clear))
        await self._tenants.add_key(
            ApiKey(
                id=key_id,
                workspace_id=workspace.id,
                name=f"Admin key {key_id[:8]}",
                key_hash=hash_key(clear),
                display=mask_key(clear),
                scopes=ALL_SCOPES,
                created_by=ADMIN_EMAIL,
                created_at=self._clock.now(),
            )
        )
        log.info("admin_key_made", workspace_id=workspace.id, key_id=key_id)
