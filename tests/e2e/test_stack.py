"""Promises of the stack that these tests run on."""

import asyncio
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import httpx2
import pytest
from tests.support.other_user import open_to_others
from tests.support.sockets import listening

from executor_service.settings import NEEDS_NAMESPACES
from flowport.local.stack import Stack
from shared.service import ServiceName


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("executor-service", {"FLOWPORT_TOKEN_EXECUTOR"}),
        ("gateway", {"FLOWPORT_TOKEN_GATEWAY", "FLOWPORT_TICKET_KEYS"}),
    ],
)
def test_a_process_has_only_its_own_secrets(stack: Stack, name: str, own: set[str]) -> None:
    variables = Path(f"/proc/{stack.pid(name)}/environ").read_bytes().decode().split("\0")
    secrets = {variable.partition("=")[0] for variable in variables if "TOKEN" in variable or "KEYS" in variable}
    assert secrets == own


def test_its_executors_start_where_the_host_allows_no_namespaces(stack: Stack) -> None:
    variables = Path(f"/proc/{stack.pid('executor-service')}/environ").read_bytes().decode().split("\0")
    assert f"{NEEDS_NAMESPACES}=false" in variables


def test_the_servers_are_unreachable_from_other_machines(stack: Stack) -> None:
    ours = [stack.pid(name) for name in stack.names]
    assert stack.rabbitmq is not None
    assert stack.store is not None
    found = listening(*ours, stack.rabbitmq.pid, stack.store.pid)
    assert len(found) > len(ours)
    assert {address for address, _ in found if not address.is_loopback} == set()


def test_no_file_of_the_stack_is_readable_by_other_users(stack: Stack) -> None:
    assert stack.rabbitmq is not None
    assert stack.store is not None
    folders = (stack.log_of("gateway").parent, stack.rabbitmq.data_dir, stack.store.data_dir)
    assert [found for folder in folders for found in open_to_others(folder)] == []


async def test_a_second_gateway_starts_and_stops(stack: Stack) -> None:
    await asyncio.to_thread(stack.scale, ServiceName.GATEWAY, 2)
    url = stack.url_of("gateway-2")
    async with httpx2.AsyncClient(timeout=30) as client:
        assert (await client.get(f"{url}/readyz")).status_code == 200
        await asyncio.to_thread(stack.scale, ServiceName.GATEWAY, 1)
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"{url}/readyz")
    assert "gateway-2" not in stack.names


async def test_a_resumed_process_answers_again(stack: Stack) -> None:
    async with httpx2.AsyncClient(timeout=30) as client:
        stack.kill("executor-service-2", SIGSTOP)
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(f"{stack.url_of('executor-service-2')}/healthz", timeout=httpx2.Timeout(30, read=0.3))
        stack.kill("executor-service-2", SIGCONT)
        assert (await client.get(f"{stack.url_of('executor-service-2')}/healthz")).status_code == 200
