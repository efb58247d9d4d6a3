"""Environment values of a workspace or user: write-only, listed by name."""

from collections.abc import Mapping, Sequence

from gateway.access.application.audit import AuditLog
from gateway.access.application.members import require_admin, signed_in
from gateway.access.domain.credentials import Caller, Scope
from gateway.workflows.ports import Environment
from shared.contracts.deployments import EnvironmentName, SetEnvironmentValue, personal_workspace_id


class EnvironmentValues:
    """Service for values: admins manage a workspace's, each user their own."""

    def __init__(self, environment: Environment, audit: AuditLog) -> None:
        self._environment = environment
        self._audit = audit

    async def names(self, owner: str) -> Sequence[EnvironmentName]:
        """Raises Unavailable."""
        return (await self._environment.value_names(owner)).names

    async def set(self, caller: Caller, owner: str, values: Mapping[str, str]) -> None:
        """Store each value by name. Raises InvalidRequest, Unavailable."""
        for name, value in values.items():
            await self._environment.set_value(owner, name, SetEnvironmentValue(value, caller.actor_name))
            await self._audit.record(caller, "environment.set", target_id=owner, target_name=name)

    async def delete(self, caller: Caller, owner: str, name: str) -> None:
        """Raises NotFound, Unavailable."""
        await self._environment.delete_value(owner, name)
        await self._audit.record(caller, "environment.deleted", target_id=owner, target_name=name)


def managed_workspace(caller: Caller) -> str:
    """Return the id of the caller's workspace, if the caller may change its values. Raises Forbidden."""
    require_admin(caller)
    return caller.workspace.id


def readable_workspace(caller: Caller) -> str:
    """Return the id of the caller's workspace, if the caller may list its values. Raises Forbidden."""
    caller.require_throughout(Scope.READ)
    return caller.workspace.id


def personal_values(caller: Caller) -> str:
    """Return the caller's own place. Raises Forbidden for keys."""
    return personal_workspace_id(signed_in(caller).id)
