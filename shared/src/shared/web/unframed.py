"""Answers of unknown length to callers of HTTP/1.0, who know no chunks: uvicorn sends everybody chunks.

Old proxies and ApacheBench speak it. They read such an answer until the connection closes, which it does after each.
"""

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def send_unframed(cycle: RequestResponseCycle) -> None:
    """Have `cycle` send what it is given as it is, where the head does not say how long that will be."""
    send, is_unframed = cycle.send, False

    async def send_plainly(message: Any) -> None:
        nonlocal is_unframed
        if message["type"] == "http.response.start":
            is_unframed = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            if is_unframed:
                cycle.chunked_encoding = False
        elif is_unframed:
            cycle.expected_content_length = len(message.get("body", b""))  # uvicorn compares them
        await send(message)

    cast("Any", cycle).send = send_plainly
