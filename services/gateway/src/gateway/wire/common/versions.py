"""Version presenters of legacy and v2."""

from typing import Final

from gateway.http.bodies import Wire
from shared.clock import iso
from shared.contracts.deployments import Version


class VersionRow(Wire):
    """Deployed version."""

    id: str
    version: int
    name: str | None
    description: str | None
    is_active: bool
    created_at: str
    created_by: str
    deployed_by: str | None


MAX_NUMBER: Final = 2**31


def version_row(version: Version) -> VersionRow:
    """Present a version."""
    return VersionRow(
        id=version.id,
        version=version.number,
        name=version.name,
        description=version.description,
        is_active=version.is_live,
        created_at=iso(version.created_at),
        created_by=version.created_by,
        deployed_by=version.deployed_by,
    )
