"""Errors of a workflow's outbound call."""


class OutboundError(Exception):
    """No response; the message is for the workflow's author and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BlockedAddress(OutboundError):
    """The URL is blocked: invalid, not https, or a blocked port or address."""


class OutboundTimeout(OutboundError):
    """The response, or the connection, took longer than `ms` milliseconds."""

    def __init__(self, ms: int) -> None:
        super().__init__(f"Request timed out after {ms}ms")
        self.ms = ms


class OutboundFailed(OutboundError):
    """The request cannot be sent, or the server was unreachable or did not speak HTTP."""


class ResponseTooLarge(OutboundError):
    """The response exceeds its limit, compressed or decompressed."""
