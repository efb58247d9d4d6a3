"""Lifecycle of long-running commands."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from flowport.local.lifecycle import STOPPING, run_server, run_until_stopped


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
    async with run_server(server):
        server.events.append("serving")
        for signum in signals:
            os.kill(os.getpid(), signum)
        await asyncio.Event().wait()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_server(signum: signal.Signals) -> None:
    server = Server()
    server.may_start.set()
    run_until_stopped(serve(server, signum, signal.SIGTERM))
    assert server.events == ["started", "serving", "stopped"]


STUBBORN = """
import asyncio, os, signal
from flowport.local.lifecycle import run_until_stopped

async def command():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

run_until_stopped(command())
"""


def test_a_second_ctrl_c_stops_immediately() -> None:
    ended = subprocess.run([sys.executable, "-c", STUBBORN], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 130
    assert STOPPING in ended.stderr


def test_cleanup_after_a_signal_can_use_timeouts() -> None:
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


def test_a_signal_during_startup_stops_the_server() -> None:
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
