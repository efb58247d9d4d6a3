"""Model calls use the proxy of the environment."""

import pytest
from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener
from tests.support.model_providers import all_served_at

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, Role


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
async def test_every_provider_uses_the_proxy_of_the_environment(
    model: str, stub: HttpStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{stub.port}")
    stub.answer(Answer(status=400, body="{}"))
    models = Models(all_served_at("http://models.invalid"))
    with pytest.raises(ModelFailure):
        await models.turn(
            ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),)), RecordingListener()
        )
    await models.stop()
    assert stub.requests[0].target.startswith("http://models.invalid/")
