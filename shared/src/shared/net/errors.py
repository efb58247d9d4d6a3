"""Why a call of a workflow got no answer."""


class OutboundError(Exception):
    """No answer; the message is for the author of the workflow and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BlockedAddress(OutboundError):
    """This URL may not be called: it is none, is not https, or leads to a port or address that is closed."""


class OutboundTimeout(OutboundError):
    """The answer, or the connection, took longer than `ms` milliseconds."""

    def __init__(self, ms: int) -> None:
        super().__init__(f"Request timed out after {ms}ms")
        self.ms = ms


class OutboundFailed(OutboundError):
    """The request cannot be sent, or the server could not be reached or did not speak HTTP."""


class ResponseTooLarge(OutboundError):
    """The answer is larger than its bound, as sent or when decompressed."""
