"""Commands that run until they are told to stop."""

import asyncio
import os
import signal
import threading

import pytest

from flowport.running import run_until_stopped, running


class Server:
    def __init__(self, *, fails: bool = False) -> None:
        self.events: list[str] = []
        self.may_start = threading.Event()
        self._fails = fails

    def start(self) -> None:
        self.may_start.wait(5)
        self.events.append("started")
        if self._fails:
            raise OSError("no")

    def stop(self) -> None:
        self.events.append("stopped")


async def serve(server: Server, *signals: signal.Signals) -> None:
    async with running(server):
        server.events.append("serving")
        for signum in signals:
            os.kill(os.getpid(), signum)
        await asyncio.Event().wait()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_what_was_started(signum: signal.Signals) -> None:
    server = Server()
    server.may_start.set()
    run_until_stopped(serve(server, signum, signal.SIGTERM))
    assert server.events == ["started", "serving", "stopped"]


def test_what_is_stopped_after_a_signal_has_a_time_limit_of_its_own() -> None:
    events: list[str] = []

    async def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()
            except TimeoutError:
                events.append("killed")

    run_until_stopped(command())
    assert events == ["killed"]


def test_a_signal_while_starting_stops_what_comes_up() -> None:
    server = Server()

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        server.may_start.set()

    threading.Timer(0.1, interrupt).start()
    run_until_stopped(serve(server))
    assert server.events == ["started", "stopped"]


def test_a_server_that_fails_to_start_is_still_stopped() -> None:
    server = Server(fails=True)
    server.may_start.set()
    with pytest.raises(OSError, match="no"):
        run_until_stopped(serve(server))
    assert server.events == ["started", "stopped"]
