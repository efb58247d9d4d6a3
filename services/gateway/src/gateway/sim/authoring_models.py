"""Bodies of the legacy routes that create, save and deploy workflows."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.api.models import (
    ACCEPTED_WARNINGS,
    GATE,
    AcceptedWarnings,
    ActiveDeployment,
    GateBody,
    ImportedWorkflow,
    VersionRow,
)
from gateway.web.bodies import NO_NULL_TEXT, Done, RequestBody, Wire


class CreateBody(RequestBody):
    """New, empty workflow."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    workspace_id: str | None = Field(None, description="Defaults to the key's workspace.")
    folder_id: str | None = None
    input_validation: Literal["off", "strict"] | None = None


class UpdateBody(RequestBody):
    """Changes to a workflow."""

    name: Annotated[Annotated[str, StringConstraints(min_length=1, max_length=200)] | None, NO_NULL_TEXT] = None
    description: Annotated[Annotated[str, StringConstraints(max_length=2000)] | None, NO_NULL_TEXT] = None
    folder_id: str | None = None


class RecordingBody(RequestBody):
    """Which runs are recorded, and for how long."""

    sample: float = Field(0, ge=0, le=1, description="Share of runs that are recorded.")
    failures: bool = Field(False, description="Record every failed run.")
    days: int = Field(7, ge=1, description="Days until a recording is deleted, at most the plan's log retention.")


class AccessBody(RequestBody):
    """Access to a workflow, and storage of its calls."""

    is_public_api: bool | None = None
    store_inputs_and_outputs: bool | None = None
    input_validation: Literal["off", "strict"] | None = Field(
        None, description="`strict` refuses calls with undeclared or mistyped fields."
    )
    recording: RecordingBody | None = Field(
        None, description="Which runs are recorded; null for none. Requires storeInputsAndOutputs."
    )


class DeployBody(RequestBody):
    """Accepted warnings of a deploy, and its gate."""

    accepted_warnings: AcceptedWarnings | None = ACCEPTED_WARNINGS
    gate: GateBody | None = GATE


class VersionBody(RequestBody):
    """New name or description of a version, or a request to make it live."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    description: Annotated[str, StringConstraints(max_length=50_000)] | None = None
    is_active: Literal[True] | None = None
    gate: GateBody | None = GATE


class WorkflowRow(ImportedWorkflow):
    """Workflow."""

    is_deployed: bool
    deployed_at: str | None
    is_public_api: bool
    live_version: int | None = None
    last_run_at: str | None = Field(None, description="End of the last finished run. In lists only.")


class Saved(Done):
    warnings: tuple[str, ...] = ()


class DeploymentState(Wire):
    """Live version, and access to it."""

    is_deployed: bool
    deployed_at: str | None
    api_key: str | None = Field(description="Which keys may call the workflow; never a secret.")
    needs_redeployment: bool
    is_public_api: bool
    store_inputs_and_outputs: bool = Field(description="Whether inputs and outputs may be stored after a run ends.")
    input_validation: str = Field(description="`strict` refuses calls with undeclared or mistyped fields.")
    recording: RecordingBody | None = Field(description="Which runs are recorded; null for none.")
    active_deployment: ActiveDeployment | None


class DeployResult(Wire):
    """Result of a deploy or undeploy."""

    is_deployed: bool
    deployed_at: str | None
    api_key: str | None
    unchanged: bool | None = Field(None, description="Set if this state was live already.")
    warnings: list[str] | None = None
    active_deployment: ActiveDeployment | None = None


class AccessState(Wire):
    is_public_api: bool
    store_inputs_and_outputs: bool
    input_validation: str
    recording: RecordingBody | None


class StatusState(Wire):
    """Deployment status for SDKs."""

    is_deployed: bool
    deployed_at: str | None
    needs_redeployment: bool


class VersionRows(Wire):
    versions: list[VersionRow]


class DeployedState(Wire):
    deployed_state: dict[str, Any] | None


class VersionChange(Wire):
    """Result of a version change."""

    name: str | None = None
    description: str | None = None
    success: Literal[True] | None = None
    deployed_at: str | None = None
    warnings: list[str] | None = None
    active_deployment: ActiveDeployment | None = None


class Reverted(Wire):
    message: str
    last_saved: int = Field(description="Epoch milliseconds.")
