"""HTTP/1.1 as a client (RFC 9112), parsed in C: for calls that are many, and for streams of many small pieces."""

from shared.http1.transport import Http1Transport

__all__ = ["Http1Transport"]
