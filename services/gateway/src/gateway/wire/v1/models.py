"""The bodies of the v1 API."""

from typing import Any

from pydantic import Field

from gateway.http.bodies import Wire
from gateway.http.usage import Limits
from gateway.wire.common.models import Deployment, ImportedWorkflow, WorkflowSummary


class InputField(Wire):
    """A field that the start block declares."""

    name: str
    type: str
    description: str | None = None


class WorkflowDetail(WorkflowSummary):
    """A workflow with what it takes."""

    variables: dict[str, Any]
    inputs: list[InputField]


class Imported(Wire):
    data: ImportedWorkflow
    limits: Limits


class WorkflowList(Wire):
    data: list[WorkflowSummary]
    next_cursor: str | None = None
    limits: Limits


class WorkflowAnswer(Wire):
    data: WorkflowDetail
    limits: Limits


class DeploymentAnswer(Wire):
    data: Deployment
    limits: Limits


class ExportAnswer(Wire):
    data: dict[str, Any]
    limits: Limits


class ErrorAnswer(Wire):
    """Why a call failed."""

    error: str
    details: list[Any] | None = None
    message: str | None = None
    retry_after: int | None = Field(None, description="When to try again, in epoch milliseconds.")
