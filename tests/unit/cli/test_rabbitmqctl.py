"""Commands for a RabbitMQ node."""

from pathlib import Path

import pytest

from flowport.servers import rabbitmq
from flowport.servers.process import ServerFailed
from flowport.servers.rabbitmq import RabbitMQServer


def test_a_command_without_a_result_in_time_is_a_failure_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "rabbitmqctl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(rabbitmq, "find_program", lambda _name: program)
    monkeypatch.setattr(rabbitmq, "CTL_SECONDS", 0.1)
    with pytest.raises(ServerFailed, match=r"^rabbitmqctl status: no result within 0.1 s$"):
        RabbitMQServer(tmp_path).ctl("status")
