"""API client: errors, proxies and workspaces."""

from collections.abc import Callable

import httpx2
import pytest

from flowport.client.api_client import ApiClient
from flowport.client.errors import AccessDenied, OutcomeUnknown, ServerUnavailable
from flowport.client.profiles import Profile
from flowport.commands import dead_letters, runs
from flowport.commands.session import Session
from flowport.errors import CommandFailed
from flowport.output import Output

URL = "https://flow.example"


def client(answer: Callable[[httpx2.Request], httpx2.Response], key: str = "sk-sim-key") -> ApiClient:
    return ApiClient(Profile(URL, key), transport=httpx2.MockTransport(answer))


def failing(error: httpx2.TransportError) -> ApiClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise error

    return client(answer)


@pytest.mark.parametrize("key", ["sk-sim-a\nb", "sk-sim-ü", "sk sim", ""])
def test_an_invalid_key_is_rejected_and_not_printed(key: str) -> None:
    with pytest.raises(AccessDenied) as refused:
        client(lambda _: httpx2.Response(200), key)
    assert "sim" not in str(refused.value)


@pytest.mark.parametrize("url", ["flow.example", "https://flow.example:port"])
def test_an_invalid_server_url_is_an_error(url: str) -> None:
    with pytest.raises(CommandFailed, match="not a valid server URL"), ApiClient(Profile(url, "key")) as noworkspace:
        noworkspace.workflows()


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("cut"), httpx2.ReadError("cut")]
)
def test_a_lost_response_to_a_change_is_not_retryable(
    error: httpx2.TransportError,
) -> None:
    with pytest.raises(OutcomeUnknown, match="may have been processed") as lost:
        failing(error).call("POST", "/api/x")
    assert lost.value.exit_code == 1
    with pytest.raises(ServerUnavailable) as unavailable:
        failing(error).call("GET", "/api/x")
    assert unavailable.value.exit_code == 5


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("late")])
def test_a_request_that_was_not_sent_is_retryable(error: httpx2.TransportError) -> None:
    with pytest.raises(ServerUnavailable) as unavailable:
        failing(error).call("POST", "/api/x")
    assert unavailable.value.exit_code == 5


def test_invalid_utf_8_is_rejected() -> None:
    with pytest.raises(CommandFailed, match="UTF-8"):
        client(lambda _: httpx2.Response(200)).call("POST", "/api/x", body={"name": "\udcff"})


def test_a_name_with_the_length_of_an_id_is_a_name() -> None:
    name = "a-workflow-of-mine-whose-name-has-36"
    body = {"workspaces": [{"id": "w1"}], "data": [{"id": "W", "name": name}]}
    found = client(lambda _: httpx2.Response(200, json=body))
    assert found.workflow_id(name) == "W"


def test_proxy_settings_apply_to_remote_servers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:1")
    ApiClient(Profile("http://127.0.0.1:8080", "key"))
    with pytest.raises(CommandFailed, match="ALL_PROXY"):
        ApiClient(Profile(URL, "key"))


def server_of_two_workspaces(request: httpx2.Request) -> httpx2.Response:
    """Respond as to a personal key: the default is the first workspace of the key."""
    if request.url.path == "/api/workspaces":
        return httpx2.Response(200, json={"workspaces": [{"id": "w1"}, {"id": "w2"}]})
    workspace = request.url.params.get("workspaceId", "w1")
    if request.url.path == "/api/workflows":
        return httpx2.Response(200, json={"data": [{"id": f"of-{workspace}", "name": "Summarise"}]})
    if request.url.path == "/api/v1/dead-letters":
        return httpx2.Response(200, json={"data": [{"id": f"of-{workspace}"}]})
    if request.url.path == "/api/jobs/run_0123456789abcdef0123":
        return httpx2.Response(200, json={"metadata": {"workflowId": "W", "executionId": "R"}})
    return httpx2.Response(200 if workspace == "w2" else 404, json={"data": {"runId": "R2"}})


def session_in(workspace: str) -> Session:
    transport = httpx2.MockTransport(server_of_two_workspaces)
    return Session(ApiClient(Profile(URL, "sk-sim-key", workspace), transport=transport), Output(as_json=True))


def test_a_workflow_name_is_resolved_in_the_selected_workspace() -> None:
    assert session_in("w2").client.workflow_id("Summarise") == "of-w2"
    with pytest.raises(CommandFailed, match="FLOWPORT_WORKSPACE_ID to one of w1, w2"):
        session_in("").client.workflow_id("Summarise")


def test_dead_letters_and_redrives_use_the_selected_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    session = session_in("w2")
    dead_letters.list_letters(session, 50)
    assert capsys.readouterr().out == '[{"id":"of-w2"}]\n'
    dead_letters.redrive(session, "letter")
    dead_letters.discard(session, "letter")
    runs.redrive(session, "run_0123456789abcdef0123")
