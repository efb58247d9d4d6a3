"""Bodies of the v1 API."""

from typing import Any, Generic, TypeVar

from pydantic import Field

from gateway.api.models import WorkflowSummary
from gateway.web.bodies import Wire
from gateway.web.routes import Limits

T = TypeVar("T")


class InputField(Wire):
    """Field declared by the start block."""

    name: str
    type: str
    description: str | None = None


class WorkflowDetail(WorkflowSummary):
    """Workflow with its inputs."""

    variables: dict[str, Any]
    inputs: list[InputField]


class Limited(Wire, Generic[T]):
    """Answer, and the caller's limits."""

    data: T
    limits: Limits


class WorkflowList(Wire):
    data: list[WorkflowSummary]
    next_cursor: str | None = None
    limits: Limits


class ErrorAnswer(Wire):
    """Error of a failed call."""

    error: str
    details: list[Any] | dict[str, Any] | None = None
    message: str | None = None
    retry_after: int | None = Field(None, description="Time to retry, in epoch milliseconds.")
