"""HTTP/1.1 client (RFC 9112), parsed in C: for frequent calls, and for streams of many small chunks."""

from shared.http1.client import Answer, Caller, Http1Caller
from shared.http1.transport import Http1Transport

__all__ = ["Answer", "Caller", "Http1Caller", "Http1Transport"]
