"""The list of models that authors choose from: what each row promises holds for the executor."""

from datetime import UTC, datetime, time, timedelta

import pytest
from genai_prices import Usage, calc_price

from executor_service.providers import Models, ProviderSettings
from executor_service.providers.echo import MODEL as ECHO
from executor_service.providers.endpoints import bare_model, configured_providers
from executor_service.providers.model import Tokens
from executor_service.providers.prices import PRICE_LISTS, cost_of
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.models import Model, ModelProvider, model_providers
from shared.workflow.format.model_names import FALLBACK, NOT_CALLED, PROVIDERS

ROWS = [(provider, model) for provider in model_providers() for model in provider.models]
MILLION = Tokens(1_000_000, 0)
ALIASES = {"azure-openai"}
"""Second names of a provider."""
NO_KEYS = ProviderSettings.model_validate({name: "" for name in ProviderSettings.model_fields if name.endswith("_key")})


def test_every_provider_that_flowport_calls_is_listed() -> None:
    assert {provider.id for provider in model_providers()} == (PROVIDERS - NOT_CALLED - ALIASES) | {ECHO}


def test_a_models_name_maps_to_its_provider() -> None:
    models = Models(NO_KEYS)
    assert [model.id for provider, model in ROWS if models.provider_of(model.id) != provider.id] == []


def test_model_names_are_unique() -> None:
    assert len({model.id.lower() for _, model in ROWS}) == len(ROWS)


@pytest.mark.parametrize("name", ["openai", "anthropic", "google", "kimi", "groq"])
def test_a_listed_price_is_the_one_that_a_run_costs(name: str) -> None:
    (provider,) = [each for each in model_providers() if each.id == name]
    model = next(each for each in provider.models if not _has_tiers(each, provider))
    cost = cost_of(bare_model(model.id, name), name, MILLION)
    assert cost.input == pytest.approx(model.price_on(datetime.now(UTC).date()).input)
    assert cost.input > 0


def test_an_announced_price_is_listed_from_the_day_that_runs_cost_it() -> None:
    changes = [(provider, model, each.starts_on) for provider, model in ROWS for each in model.announced]
    for provider, model, starts_on in changes:
        for day in (starts_on - timedelta(days=1), starts_on):
            price = calc_price(
                Usage(input_tokens=1_000, output_tokens=1_000),
                model_ref=bare_model(model.id, provider.id),
                provider_id=PRICE_LISTS.get(provider.id, provider.id),
                genai_request_timestamp=datetime.combine(day, time(), UTC),
            )
            listed = model.price_on(day)
            assert (float(price.input_price), float(price.output_price)) == pytest.approx(
                (listed.input / 1_000, listed.output / 1_000)
            )


def _has_tiers(model: Model, provider: ModelProvider) -> bool:
    """Return whether a million tokens cost more than the first ones."""
    one, all_ = (cost_of(bare_model(model.id, provider.id), provider.id, Tokens(count, 0)) for count in (1, 1_000_000))
    return all_.input > one.input * 1_100_000 or one.input == 0


def test_reasoning_models_take_no_temperature() -> None:
    models = {model.id: model.settings for _, model in ROWS}
    assert models["gpt-5"] == ("maxTokens", "reasoningEffort", "verbosity")
    assert models["gpt-4.1"] == ("temperature", "maxTokens")


def test_settings_are_those_of_the_agent_block() -> None:
    agent = next(spec for spec in Catalog() if spec.type == "agent")
    named = {setting for provider in model_providers() for setting in provider.settings}
    named |= {setting for _, model in ROWS for setting in model.settings or ()}
    assert named - {setting.id for setting in agent.sub_blocks} == set()


@pytest.mark.parametrize("provider", [each for each in model_providers() if each.variables and each.id != FALLBACK])
def test_the_named_variables_configure_the_provider(provider: ModelProvider) -> None:
    assert provider.id not in configured_providers(NO_KEYS)
    given = {name.lower(): "https://model.example" for name in provider.variables}
    assert provider.id in configured_providers(NO_KEYS.model_validate({**NO_KEYS.model_dump(), **given}))
