"""`GET /api/models`: models by provider, and which providers are configured."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.gateway.system import System

from gateway.catalog import routes
from shared.workflow.catalog.models import AnnouncedPrice, Model, ModelProvider, Price


async def listed(system: System) -> dict[str, Any]:
    """Return the providers by id."""
    answer = await system.get("/api/models")
    assert answer.status == 200
    return {provider["id"]: provider for provider in answer.json["data"]}


async def test_a_model_has_its_price_context_window_and_settings(system: System) -> None:
    openai = (await listed(system))["openai"]
    (model,) = [each for each in openai["models"] if each["id"] == "gpt-5-mini"]
    assert model == {
        "id": "gpt-5-mini",
        "label": "GPT-5 mini",
        "contextWindow": 400_000,
        "pricing": {"input": 0.25, "output": 2.0},
        "settings": ["maxTokens", "reasoningEffort", "verbosity"],
    }


async def test_an_announced_price_counts_from_its_day(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    today = system.clock.now().date()
    prices = [(today - timedelta(days=1), 2.0), (today, 3.0), (today + timedelta(days=1), 4.0)]
    announced = tuple(AnnouncedPrice(day, Price(input_price, 0.0)) for day, input_price in prices)
    model = Model("m", "M", price=Price(1.0, 0.0), announced=announced)
    provider = ModelProvider(id="p", label="P", variables=(), settings=(), models=(model,))
    monkeypatch.setattr(routes, "model_providers", lambda: (provider,))
    system.deployments.keyed_providers = ("p",)  # its answer is in no cache
    assert [each["pricing"]["input"] for each in (await listed(system))["p"]["models"]] == [3.0]


async def test_providers_without_a_key_name_the_variable_to_set(system: System) -> None:
    system.deployments.keyed_providers = ("openai", "vllm")
    found = await listed(system)
    configured = {name for name, provider in found.items() if provider["isConfigured"]}
    assert configured == {"openai", "vllm", "ollama", "echo"}
    assert found["google"]["variables"] == ["GEMINI_API_KEY"]
    assert found["litellm"]["variables"] == ["LITELLM_BASE_URL"]


@pytest.mark.parametrize(("provider", "needs_key"), [("groq", True), ("vllm", False), ("ollama", False)])
async def test_the_need_of_a_key_is_stated(system: System, provider: str, needs_key: bool) -> None:
    assert (await listed(system))[provider]["needsKey"] is needs_key


async def test_the_list_needs_a_caller(system: System) -> None:
    assert (await system.get("/api/models", key=None)).status == 401
