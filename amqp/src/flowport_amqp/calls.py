"""Synchronous methods of AMQP: one request at a time."""

import asyncio
from collections.abc import Callable

from flowport_amqp.errors import AmqpError, CallTimeout, ChannelClosed
from flowport_amqp.methods import arguments
from flowport_amqp.wire import Reader


class Calls:
    """Calls of one channel.

    A timeout or cancellation makes the channel unusable, because the response may still arrive.
    """

    def __init__(self, send: Callable[[bytes], None], *, timeout: float) -> None:
        self._send = send
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._expected = 0
        self._response: asyncio.Future[Reader] | None = None
        self._failure: AmqpError | None = None

    async def call(self, request: bytes | None, response: int) -> Reader:
        """Send `request` and return the arguments of the method `response`. None only waits for the response."""
        async with self._turn:
            if self._failure:
                raise self._failure
            self._expected, self._response = response, asyncio.get_running_loop().create_future()
            if request is not None:
                self._send(request)
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._response
            except TimeoutError:
                self._failure = CallTimeout(f"the broker did not respond within {self._timeout:g} s")
                raise self._failure from None
            except asyncio.CancelledError:
                self._failure = ChannelClosed("an earlier call was cancelled")
                raise
            finally:
                self._expected, self._response = 0, None

    def on_response(self, method: int, payload: bytes) -> bool:
        """Accept a response. Return False when no call waits for this method."""
        if method != self._expected or self._response is None or self._response.done():
            return False
        self._response.set_result(arguments(payload))
        return True

    def fail(self, error: AmqpError) -> None:
        """Fail the pending call and all later ones."""
        self._failure = error
        if self._response is not None and not self._response.done():
            self._response.set_exception(error)
