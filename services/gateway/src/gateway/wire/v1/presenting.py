"""Workflow presenters of the v1 API."""

from gateway.runs.application.run_counts import Tallies
from gateway.wire.common.presenters import summary
from gateway.wire.v1.models import InputField, WorkflowDetail
from shared.contracts.deployments import Draft, Workflow
from shared.workflow.format.reader import read_state
from shared.workflow.format.start import input_fields


def detail(workflow: Workflow, draft: Draft, tallies: Tallies | None) -> WorkflowDetail:
    """Present a workflow with its draft's inputs."""
    fields = [
        InputField(
            name=field.name, type=field.type, **({"description": field.description} if field.description else {})
        )
        for field in input_fields(read_state(draft.state))
    ]
    variables = draft.state.get("variables")
    return WorkflowDetail(
        **summary(workflow, tallies).model_dump(),
        variables=variables if isinstance(variables, dict) else {},
        inputs=fields,
    )
