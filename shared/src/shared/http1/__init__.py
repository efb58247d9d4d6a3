"""HTTP/1.1 as a client (RFC 9112), parsed in C: for calls that are many, and for streams of many small pieces."""

from shared.http1.client import Answer, Caller, Http1Caller
from shared.http1.transport import Http1Transport

__all__ = ["Answer", "Caller", "Http1Caller", "Http1Transport"]
