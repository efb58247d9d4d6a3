"""Errors of deployment changes."""

from shared.errors import InvalidRequest


class UndeployedAlready(InvalidRequest):
    """No version is live that could be undeployed or rolled back."""

    code = "UNDEPLOYED_ALREADY"
    default_message = "Workflow is not deployed"
