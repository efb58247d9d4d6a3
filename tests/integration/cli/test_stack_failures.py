"""A stack that cannot start names the failed service and stops all processes."""

from pathlib import Path

import pytest

from flowport.local.stack import Stack, StackPorts
from flowport.servers.process import ServerFailed


def test_a_service_that_does_not_start_is_named_with_its_log(tmp_path: Path, free_port: int) -> None:
    environment = {
        "FLOWPORT_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{free_port}/",
        "FLOWPORT_MONGODB_URI": f"mongodb://127.0.0.1:{free_port}",
        "FLOWPORT_LOG_LEVEL": "chatty",
    }
    stack = Stack(tmp_path, ports=StackPorts.free(), environment=environment)
    with pytest.raises(ServerFailed, match=r"(?s)deploy-service: .*FLOWPORT_LOG_LEVEL") as failed, stack:
        pass
    assert str(stack.log_of("deploy-service")) in str(failed.value)
    assert [stack.pid(name) for name in stack.names] == [None] * 4
