"""Methods that the broker answers: one at a time, as the protocol wants it."""

import asyncio
from collections.abc import Callable

from flowport_amqp.errors import AmqpError, CallTimeout, ChannelClosed
from flowport_amqp.methods import arguments
from flowport_amqp.wire import Reader


class Calls:
    """The calls of one channel. One that is given up (time-out, cancellation) spoils it: its answer may still come."""

    def __init__(self, send: Callable[[bytes], None], *, timeout: float) -> None:
        self._send = send
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._expected = 0
        self._answer: asyncio.Future[Reader] | None = None
        self._failure: AmqpError | None = None

    async def call(self, request: bytes | None, answer: int) -> Reader:
        """Send `request` and return the arguments of the method `answer`; None only waits for it."""
        async with self._turn:
            if self._failure:
                raise self._failure
            self._expected, self._answer = answer, asyncio.get_running_loop().create_future()
            if request is not None:
                self._send(request)
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._answer
            except TimeoutError:
                self._failure = CallTimeout(f"the broker did not answer within {self._timeout:g} s")
                raise self._failure from None
            except asyncio.CancelledError:
                self._failure = ChannelClosed("an earlier call was given up")
                raise
            finally:
                self._expected, self._answer = 0, None

    def answered(self, method: int, payload: bytes) -> bool:
        """Take an answer; False when nobody waits for this method."""
        if method != self._expected or self._answer is None or self._answer.done():
            return False
        self._answer.set_result(arguments(payload))
        return True

    def fail(self, error: AmqpError) -> None:
        """Nothing more will be answered."""
        self._failure = error
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
