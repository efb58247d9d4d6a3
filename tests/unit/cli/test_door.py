"""How the command line calls a server, and what it makes of silence."""

from collections.abc import Callable

import httpx
import pytest

from flowport.client.door import Door
from flowport.client.errors import NoAccess, TryLater, Unanswered
from flowport.client.profiles import Profile
from flowport.failures import CommandFailed

URL = "https://flow.example"


def door(answer: Callable[[httpx.Request], httpx.Response], key: str = "sk-sim-key") -> Door:
    return Door(Profile(URL, key), transport=httpx.MockTransport(answer))


def failing(error: httpx.TransportError) -> Door:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return door(answer)


@pytest.mark.parametrize("key", ["sk-sim-a\nb", "sk-sim-ü", "sk sim", ""])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(NoAccess) as refused:
        door(lambda _: httpx.Response(200), key)
    assert "sim" not in str(refused.value)


@pytest.mark.parametrize("url", ["flow.example", "https://flow.example:port"])
def test_what_is_no_address_is_told_as_such(url: str) -> None:
    with pytest.raises(CommandFailed, match="no server's address"), Door(Profile(url, "key")) as nowhere:
        nowhere.workflows()


@pytest.mark.parametrize("error", [httpx.ReadTimeout("late"), httpx.RemoteProtocolError("cut"), httpx.ReadError("cut")])
def test_a_call_that_changes_something_is_not_to_be_repeated_when_its_answer_is_lost(
    error: httpx.TransportError,
) -> None:
    with pytest.raises(Unanswered, match="may have been done") as lost:
        failing(error).call("POST", "/api/x")
    assert lost.value.exit_code == 1
    with pytest.raises(TryLater) as away:
        failing(error).call("GET", "/api/x")
    assert away.value.exit_code == 5


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late")])
def test_what_was_never_sent_may_be_sent_again(error: httpx.TransportError) -> None:
    with pytest.raises(TryLater) as away:
        failing(error).call("POST", "/api/x")
    assert away.value.exit_code == 5


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(CommandFailed, match="UTF-8"):
        door(lambda _: httpx.Response(200)).call("POST", "/api/x", body={"name": "\udcff"})


def test_a_name_that_only_looks_like_an_id_is_a_name() -> None:
    name = "a-workflow-of-mine-whose-name-has-36"
    found = door(lambda _: httpx.Response(200, json={"data": [{"id": "W", "name": name}]}))
    assert found.workflow_id(name) == "W"


def test_the_way_to_other_machines_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    Door(Profile("http://127.0.0.1:8080", "key"))
    with pytest.raises(CommandFailed, match="ALL_PROXY"):
        Door(Profile(URL, "key"))
