"""Environment values of a workspace or of a person: written, listed by name, deleted, never read."""

from collections.abc import Mapping, Sequence

from gateway.access.application.audit import AuditLog
from gateway.access.application.members import require_admin, signed_in
from gateway.access.domain.credentials import Caller, Scope
from gateway.workflows.ports import Environment
from shared.contracts.deployments import EnvironmentName, SetEnvironmentValue, personal_place


class EnvironmentValues:
    """Handled by the admins of a workspace, and by each person for the own ones."""

    def __init__(self, environment: Environment, audit: AuditLog) -> None:
        self._environment = environment
        self._audit = audit

    async def names(self, place: str) -> Sequence[EnvironmentName]:
        """Raises Unavailable."""
        return (await self._environment.value_names(place)).names

    async def set(self, caller: Caller, place: str, values: Mapping[str, str]) -> None:
        """Keep each under its name. Raises InvalidRequest, Unavailable."""
        for name, value in values.items():
            await self._environment.set_value(place, name, SetEnvironmentValue(value, caller.actor_name))
            await self._audit.record(caller, "environment.set", target_id=place, target_name=name)

    async def delete(self, caller: Caller, place: str, name: str) -> None:
        """Raises NotFound, Unavailable."""
        await self._environment.delete_value(place, name)
        await self._audit.record(caller, "environment.deleted", target_id=place, target_name=name)


def workspace_place(caller: Caller) -> str:
    """The workspace's values, for who may change them. Raises Forbidden."""
    require_admin(caller)
    return caller.workspace.id


def workspace_place_looked_at(caller: Caller) -> str:
    """The workspace's values, for who may see that there are any. Raises Forbidden."""
    caller.require_throughout(Scope.READ)
    return caller.workspace.id


def own_place(caller: Caller) -> str:
    """The caller's own values. Raises Forbidden for keys."""
    return personal_place(signed_in(caller).id)
