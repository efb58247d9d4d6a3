"""Heartbeats in both directions."""

import asyncio
from collections.abc import Callable
from typing import Final

from flowport_amqp.frames import HEARTBEAT_FRAME
from flowport_amqp.output import Output

SILENT_TICKS: Final = 4
"""Half intervals without data after which the peer counts as dead: two intervals, as the protocol requires."""


class Heartbeat:
    """Sends heartbeats and detects a silent peer, every half interval. Calls `on_silence` once."""

    def __init__(self, output: Output, *, interval: float, on_silence: Callable[[], None]) -> None:
        self._output = output
        self._half = interval / 2
        self._on_silence = on_silence
        self._silent_ticks = 0
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._half, self._tick)

    def on_data(self) -> None:
        """Record that data arrived."""
        self._silent_ticks = 0

    def stop(self) -> None:
        """Stop the timer."""
        self._timer.cancel()

    def _tick(self) -> None:
        self._silent_ticks += 1
        if self._silent_ticks > SILENT_TICKS:
            self._on_silence()
            return
        if not self._output.was_used:
            self._output.write(HEARTBEAT_FRAME)
        self._output.was_used = False
        self._timer = self._loop.call_later(self._half, self._tick)
