"""Responses of unknown length for HTTP/1.0 clients, which know no chunks: uvicorn always sends chunks.

Old proxies and ApacheBench use it. They read such a response until the connection closes, which it does after each.
"""

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def send_without_chunks(cycle: RequestResponseCycle) -> None:
    """Let `cycle` send its body unframed if the head has no length."""
    send, is_unframed = cycle.send, False

    async def send_unchunked(message: Any) -> None:
        nonlocal is_unframed
        if message["type"] == "http.response.start":
            is_unframed = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if is_unframed:
                cycle.chunked_encoding = False
        elif is_unframed:
            cycle.expected_content_length = len(message.get("body", b""))  # uvicorn compares them
        await send(message)

    cast("Any", cycle).send = send_unchunked
