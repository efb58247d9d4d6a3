"""How the command line calls a server, and what it makes of silence."""

from collections.abc import Callable

import httpx2
import pytest

from flowport.client.door import Door
from flowport.client.errors import NoAccess, TryLater, Unanswered
from flowport.client.profiles import Profile
from flowport.commands import dead_letters, runs
from flowport.commands.session import Session
from flowport.failures import CommandFailed
from flowport.output import Output

URL = "https://flow.example"


def door(answer: Callable[[httpx2.Request], httpx2.Response], key: str = "sk-sim-key") -> Door:
    return Door(Profile(URL, key), transport=httpx2.MockTransport(answer))


def failing(error: httpx2.TransportError) -> Door:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error

    return door(answer)


@pytest.mark.parametrize("key", ["sk-sim-a\nb", "sk-sim-ü", "sk sim", ""])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(NoAccess) as refused:
        door(lambda _: httpx2.Response(200), key)
    assert "sim" not in str(refused.value)


@pytest.mark.parametrize("url", ["flow.example", "https://flow.example:port"])
def test_what_is_no_address_is_told_as_such(url: str) -> None:
    with pytest.raises(CommandFailed, match="no server's address"), Door(Profile(url, "key")) as nowhere:
        nowhere.workflows()


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("cut"), httpx2.ReadError("cut")]
)
def test_a_call_that_changes_something_is_not_to_be_repeated_when_its_answer_is_lost(
    error: httpx2.TransportError,
) -> None:
    with pytest.raises(Unanswered, match="may have been done") as lost:
        failing(error).call("POST", "/api/x")
    assert lost.value.exit_code == 1
    with pytest.raises(TryLater) as away:
        failing(error).call("GET", "/api/x")
    assert away.value.exit_code == 5


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("late")])
def test_what_was_never_sent_may_be_sent_again(error: httpx2.TransportError) -> None:
    with pytest.raises(TryLater) as away:
        failing(error).call("POST", "/api/x")
    assert away.value.exit_code == 5


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(CommandFailed, match="UTF-8"):
        door(lambda _: httpx2.Response(200)).call("POST", "/api/x", body={"name": "\udcff"})


def test_a_name_that_only_looks_like_an_id_is_a_name() -> None:
    name = "a-workflow-of-mine-whose-name-has-36"
    said = {"workspaces": [{"id": "w1"}], "data": [{"id": "W", "name": name}]}
    found = door(lambda _: httpx2.Response(200, json=said))
    assert found.workflow_id(name) == "W"


def test_the_way_to_other_machines_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    Door(Profile("http://127.0.0.1:8080", "key"))
    with pytest.raises(CommandFailed, match="ALL_PROXY"):
        Door(Profile(URL, "key"))


def server_of_two_workspaces(request: httpx2.Request) -> httpx2.Response:
    """As it answers a personal key: without a word of which is meant it takes the first that the key opens."""
    if request.url.path == "/api/workspaces":
        return httpx2.Response(200, json={"workspaces": [{"id": "w1"}, {"id": "w2"}]})
    where = request.url.params.get("workspaceId", "w1")
    if request.url.path == "/api/workflows":
        return httpx2.Response(200, json={"data": [{"id": f"of-{where}", "name": "Summarise"}]})
    if request.url.path == "/api/v1/dead-letters":
        return httpx2.Response(200, json={"data": [{"id": f"of-{where}"}]})
    if request.url.path == "/api/jobs/run_0123456789abcdef0123":
        return httpx2.Response(200, json={"metadata": {"workflowId": "W", "executionId": "R"}})
    return httpx2.Response(200 if where == "w2" else 404, json={"data": {"runId": "R2"}})


def session_in(workspace: str) -> Session:
    transport = httpx2.MockTransport(server_of_two_workspaces)
    return Session(Door(Profile(URL, "sk-sim-key", workspace), transport=transport), Output(as_json=True))


def test_a_name_is_looked_for_in_the_workspace_that_was_named() -> None:
    assert session_in("w2").door.workflow_id("Summarise") == "of-w2"
    with pytest.raises(CommandFailed, match="FLOWPORT_WORKSPACE_ID to one of w1, w2"):
        session_in("").door.workflow_id("Summarise")


def test_what_died_and_what_failed_is_that_of_the_workspace_that_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    session = session_in("w2")
    dead_letters.list_letters(session, 50)
    assert capsys.readouterr().out == '[{"id":"of-w2"}]\n'
    dead_letters.redrive(session, "letter")
    dead_letters.discard(session, "letter")
    runs.redrive(session, "run_0123456789abcdef0123")
