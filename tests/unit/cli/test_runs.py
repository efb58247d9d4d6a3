"""Lookup of runs."""

import httpx2
import pytest

from flowport.client.api_client import ApiClient
from flowport.client.errors import NotFound
from flowport.client.profiles import Profile
from flowport.client.runs import RunRef, find_run


def client_that_finds_it_after(requests: int) -> ApiClient:
    """Return a client whose server returns the run from this request on."""
    received: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        received.append(request)
        return httpx2.Response(200, json={"data": [{"workflowId": "w"}] if len(received) >= requests else []})

    profile = Profile("https://flow.example", "sk-sim-key", workspace_id="mine")
    return ApiClient(profile, transport=httpx2.MockTransport(answer))


@pytest.mark.parametrize("requests", [1, 3])
def test_a_run_that_is_stored_after_its_response_is_found(requests: int) -> None:
    assert find_run(client_that_finds_it_after(requests), "mine") == RunRef("w", "mine")


def test_an_unknown_run_is_not_found() -> None:
    with pytest.raises(NotFound, match="run mine not found"):
        find_run(client_that_finds_it_after(1_000), "mine")
