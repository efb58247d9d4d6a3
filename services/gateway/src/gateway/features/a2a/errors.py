"""Why a call of the Agent2Agent protocol is refused, where the protocol has a name for it."""

from shared.errors import Conflict, InvalidRequest, NotFound


class TaskNotFound(NotFound):
    """No such task, or none that this caller may know of."""

    code = "TASK_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Task not found")


class TaskNotCancelable(Conflict):
    """The task is over."""

    code = "TASK_NOT_CANCELABLE"

    def __init__(self) -> None:
        super().__init__("The task is over and cannot be canceled")


class PushNotificationNotSupported(InvalidRequest):
    """Nobody is called back: tasks are asked for, or subscribed to."""

    code = "PUSH_NOTIFICATION_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("Push notifications are not supported")


class UnsupportedOperation(InvalidRequest):
    """The protocol has it, this agent, or this task in its state, does not."""

    code = "UNSUPPORTED_OPERATION"


class ContentTypeNotSupported(InvalidRequest):
    """A part of a message that no workflow can take."""

    code = "CONTENT_TYPE_NOT_SUPPORTED"


class VersionNotSupported(InvalidRequest):
    """Another version of the protocol than ours; who names none means 0.3."""

    code = "VERSION_NOT_SUPPORTED"


class InvalidCall(InvalidRequest):
    """JSON, but no call of JSON-RPC 2.0."""

    code = "INVALID_CALL"


class MethodNotFound(InvalidRequest):
    """The protocol has no such method."""

    code = "METHOD_NOT_FOUND"
