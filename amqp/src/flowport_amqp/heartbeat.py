"""Heartbeats in both directions: we show that we live, and notice a peer that went silent."""

import asyncio
from collections.abc import Callable
from typing import Final

from flowport_amqp.frames import HEARTBEAT_FRAME
from flowport_amqp.output import Output

SILENT_TICKS: Final = 4
"""Half intervals without a byte after which the peer counts as dead: two whole intervals, as the protocol says."""


class Heartbeat:
    """Ticks every half interval. `on_silence` is called once, when the peer is dead."""

    def __init__(self, output: Output, *, interval: float, on_silence: Callable[[], None]) -> None:
        self._output = output
        self._half = interval / 2
        self._on_silence = on_silence
        self._silent_ticks = 0
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._half, self._tick)

    def heard(self) -> None:
        """Something came from the peer."""
        self._silent_ticks = 0

    def stop(self) -> None:
        """Tick no more."""
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
