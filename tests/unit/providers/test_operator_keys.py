"""A block needs no key if the operator configures one: deploy-service and the executor agree on it."""

import pytest
from tests.support.workflow_states import block, chain, start

from deploy_service.domain.check import check
from deploy_service.domain.content import content_of
from deploy_service.settings import DeploySettings
from executor_service.providers import Models, ProviderSettings
from executor_service.providers.endpoints import endpoints, keyed_providers
from executor_service.providers.models import BY_SDK
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.format.js_values import JsonObject
from shared.workflow.format.model_names import NOT_CALLED, PROVIDERS

MODELS = {
    "openai_api_key": "gpt-4o",
    "anthropic_api_key": "claude-sonnet-4-5",
    "gemini_api_key": "gemini-2.5-pro",
    "azure_openai_api_key": "azure/ours",
    "openrouter_api_key": "openrouter/some/model",
    "groq_api_key": "groq/model",
    "mistral_api_key": "mistral-large-latest",
    "deepseek_api_key": "deepseek-chat",
    "xai_api_key": "grok-4",
    "cerebras_api_key": "cerebras/model",
    "together_api_key": "together/model",
    "fireworks_api_key": "fireworks/model",
    "baseten_api_key": "baseten/model",
    "nvidia_api_key": "nvidia/model",
    "kimi_api_key": "kimi-k2",
    "zai_api_key": "glm-4.6",
}
"""A model of each vendor that needs a key."""
KEYLESS = {"vllm_api_key", "litellm_api_key"}
MISSING = "A is missing required fields: API Key"


def with_keys(*names: str) -> ProviderSettings:
    """Return the settings of an operator with these keys and no others."""
    keys = {name: "key" if name in names else "" for name in (*MODELS, *KEYLESS)}
    return ProviderSettings.model_validate({"azure_openai_endpoint": "https://ours.openai.azure.com", **keys})


def asking(model: str) -> JsonObject:
    """Return a workflow whose one agent has no key."""
    return chain(start(), block("a", "agent", "A", model=model, messages=[{"role": "user", "content": "Hi"}]))


def deploy_settings(model: str, settings: ProviderSettings) -> list[str]:
    deploy = DeploySettings.model_validate({"keyed_providers": ",".join(keyed_providers(settings))})
    found = check(compile_workflow(content_of(asking(model), limit=100_000).state), frozenset(deploy.keyed_providers))
    return [problem.message for problem in found.errors]


def run_settings(model: str, settings: ProviderSettings) -> list[str]:
    return list(compile_workflow(asking(model)).problems(Models(settings).keyed_providers))


def test_every_key_has_a_model_in_the_catalog() -> None:
    keys = {name for name in ProviderSettings.model_fields if name.endswith("_api_key")}
    assert keys == MODELS.keys() | KEYLESS


@pytest.mark.parametrize("key", MODELS)
def test_with_the_vendors_key_a_block_deploys_and_runs_without_its_own(key: str) -> None:
    settings = with_keys(key)
    assert deploy_settings(MODELS[key], settings) == run_settings(MODELS[key], settings) == []


@pytest.mark.parametrize("key", MODELS)
def test_with_the_keys_of_all_others_it_does_neither(key: str) -> None:
    settings = with_keys(*(MODELS.keys() - {key}), *KEYLESS)
    assert deploy_settings(MODELS[key], settings) == run_settings(MODELS[key], settings) == [MISSING]


def test_a_key_of_azure_is_of_use_only_with_a_resource() -> None:
    settings = ProviderSettings(azure_openai_endpoint="", azure_openai_api_key="key")
    assert "azure" not in keyed_providers(settings)


def test_whose_models_are_called_is_known_before_a_run() -> None:
    """Deploy refuses models of other vendors by this."""
    called = {*endpoints(ProviderSettings()), *BY_SDK}
    assert called | NOT_CALLED == PROVIDERS
    assert not called & NOT_CALLED
