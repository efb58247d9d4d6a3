"""A zygote that cannot fork reports that one child as ended, and keeps the others."""

import os
import socket
from typing import NoReturn

import pytest

from executor_service.sandbox.jail.zygote import EXIT, Zygote


def test_a_failed_fork_ends_nothing_but_its_own_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> NoReturn:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    parent, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours, theirs = socket.socketpair()
    with parent, control, ours:
        Zygote(control, lambda connection: None)._fork(7, theirs.detach())
        number, status, _ = EXIT.unpack(parent.recv(EXIT.size))
        assert (number, os.waitstatus_to_exitcode(status)) == (7, 1)
        assert ours.recv(1) == b""
