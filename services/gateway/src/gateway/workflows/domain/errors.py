"""Reasons to refuse a change of a deployment."""

from shared.errors import InvalidRequest


class UndeployedAlready(InvalidRequest):
    """Nothing is live that could be taken down or rolled back."""

    code = "UNDEPLOYED_ALREADY"

    def __init__(self) -> None:
        super().__init__("Workflow is not deployed")
