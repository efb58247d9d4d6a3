"""Errors of runs that fail to start or are lost."""

from shared.errors import AtCapacity, Conflict, FlowportError, OutcomeUncertain, Unavailable


class CallChainTooDeep(Conflict):
    """The chain of nested workflow calls is too long."""

    code = "CALL_CHAIN_DEPTH_EXCEEDED"


class NotStarted(AtCapacity):
    """No worker took the run in time; it will not run."""

    code = "NOT_STARTED"

    def __init__(self) -> None:
        super().__init__(
            "Service temporarily at capacity", details={"message": "No worker was free in time"}, retry_after=10
        )


class IdentityUnavailable(Unavailable):
    """Whether the caller's run id is free is unknown."""

    code = "IDENTITY_UNAVAILABLE"
    default_message = "Workflow execution identity is temporarily unavailable"


class RunUncertain(OutcomeUncertain):
    """The outcome of run `run_id` is unknown: its caller has to check before retrying."""

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message, details={"runId": run_id})
        self.run_id = run_id


class AcceptUncertain(RunUncertain):
    """Whether the run was stored is unknown."""

    def __init__(self, run_id: str) -> None:
        super().__init__("Async execution queue acceptance could not be confirmed", run_id=run_id)


class RunLost(RunUncertain):
    """The worker connection is lost, and with it the result of the run, which may have had effects."""

    code = "RUN_LOST"


class ServerStopping(Unavailable):
    """The process is stopping; readers may continue on another one."""

    code = "SERVER_STOPPING"
    default_message = "The server is stopping"


class StreamBroken(RunLost):
    """Events of the run are missing, so its text would be wrong."""

    code = "STREAM_BROKEN"


class ReaderTooSlow(FlowportError):
    """The caller reads events too slowly."""

    code = "READER_TOO_SLOW"


class CallerDisconnected(FlowportError):
    """The caller disconnected before the end."""

    code = "CALLER_GONE"
    default_message = "Client cancelled request"


class RunOverdue(RunUncertain):
    """The worker did not end the run at its time limit."""

    code = "RUN_OVERDUE"
