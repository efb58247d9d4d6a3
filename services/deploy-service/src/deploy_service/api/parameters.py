"""Path and query parameters that several routes share."""

from typing import Annotated

from fastapi import Path, Query

WorkspaceId = Annotated[str, Query(min_length=1, max_length=128, description="Workspace that must own the workflow.")]
Number = Annotated[int, Path(ge=1, le=2**31)]
