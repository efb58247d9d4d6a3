"""Why a run is not begun, or is lost."""

from shared.errors import AtCapacity, Conflict, FlowportError, OutcomeUncertain, Unavailable


class CallChainTooDeep(Conflict):
    """Workflows that call workflows, too many times over."""

    code = "CALL_CHAIN_DEPTH_EXCEEDED"


class NotStarted(AtCapacity):
    """No worker took the run in time; it will not run."""

    code = "NOT_STARTED"

    def __init__(self) -> None:
        super().__init__(
            "Service temporarily at capacity", details={"message": "No worker was free in time"}, retry_after=10
        )


class IdentityUnavailable(Unavailable):
    """Whether a caller-chosen run id is free cannot be said now."""

    code = "IDENTITY_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("Workflow execution identity is temporarily unavailable")


class RunUncertain(OutcomeUncertain):
    """What became of run `run_id` is not known: its caller has to look before it is begun again."""

    def __init__(self, message: str, *, run_id: str) -> None:
        super().__init__(message, details={"runId": run_id})
        self.run_id = run_id


class AcceptUncertain(RunUncertain):
    """Whether the run was stored."""

    def __init__(self, run_id: str) -> None:
        super().__init__("Async execution queue acceptance could not be confirmed", run_id=run_id)


class RunLost(RunUncertain):
    """The connection to the worker is gone, and with it the answer of the run, which may have done something."""

    code = "RUN_LOST"


class ServerStopping(Unavailable):
    """This process goes down; who reads along may go on at another one."""

    code = "SERVER_STOPPING"

    def __init__(self) -> None:
        super().__init__("The server is stopping")


class StreamBroken(RunLost):
    """Events of the run are missing, so its text would be wrong."""

    code = "STREAM_BROKEN"


class ReaderTooSlow(FlowportError):
    """The caller does not read what the run produces."""

    code = "READER_TOO_SLOW"


class CallerGone(FlowportError):
    """The caller closed the connection before the end."""

    code = "CALLER_GONE"

    def __init__(self) -> None:
        super().__init__("Client cancelled request")


class RunOverdue(RunUncertain):
    """The worker did not end the run at its time limit."""

    code = "RUN_OVERDUE"
