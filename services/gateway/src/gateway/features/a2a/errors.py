"""Errors that the Agent2Agent protocol defines."""

from shared.errors import Conflict, InvalidRequest, NotFound


class TaskNotFound(NotFound):
    """The task does not exist, or this caller may not see it."""

    code = "TASK_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Task not found")


class TaskNotCancelable(Conflict):
    """The task is over."""

    code = "TASK_NOT_CANCELABLE"

    def __init__(self) -> None:
        super().__init__("The task is over and cannot be canceled")


class PushNotificationNotSupported(InvalidRequest):
    """Callbacks are not supported: clients poll or subscribe."""

    code = "PUSH_NOTIFICATION_NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("Push notifications are not supported")


class UnsupportedOperation(InvalidRequest):
    """The protocol defines it, but this agent, or this task in its state, does not support it."""

    code = "UNSUPPORTED_OPERATION"


class ContentTypeNotSupported(InvalidRequest):
    """No workflow can take this message part."""

    code = "CONTENT_TYPE_NOT_SUPPORTED"


class VersionNotSupported(InvalidRequest):
    """The protocol version differs from ours; the default is 0.3."""

    code = "VERSION_NOT_SUPPORTED"


class InvalidCall(InvalidRequest):
    """The JSON is not a JSON-RPC 2.0 call."""

    code = "INVALID_CALL"


class MethodNotFound(InvalidRequest):
    """The protocol has no such method."""

    code = "METHOD_NOT_FOUND"
