"""Finding a run at the public door."""

import httpx2
import pytest

from flowport.client.door import Door
from flowport.client.errors import Missing
from flowport.client.profiles import Profile
from flowport.client.runs import RunPlace, place_of


def door_that_knows_it_after(questions: int) -> Door:
    """A door whose log has the run from that question on."""
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={"data": [{"workflowId": "w"}] if len(asked) >= questions else []})

    profile = Profile("https://flow.example", "sk-sim-key", workspace_id="mine")
    return Door(profile, transport=httpx2.MockTransport(answer))


@pytest.mark.parametrize("questions", [1, 3])
def test_a_run_that_was_just_answered_is_found_although_it_is_written_down_later(questions: int) -> None:
    assert place_of(door_that_knows_it_after(questions), "mine") == RunPlace("w", "mine")


def test_a_run_that_there_is_not_is_missing_soon() -> None:
    with pytest.raises(Missing, match="there is no run mine"):
        place_of(door_that_knows_it_after(1_000), "mine")
