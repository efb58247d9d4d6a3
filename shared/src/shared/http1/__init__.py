"""HTTP/1.1 client (RFC 9112), parsed in C: for frequent calls, and for streams of many small chunks."""

from shared.http1.client import Http1Client, HttpClient, HttpResponse
from shared.http1.transport import Http1Transport

__all__ = ["Http1Client", "Http1Transport", "HttpClient", "HttpResponse"]
