"""Warnings about secrets that are not set."""

import pytest

from deploy_service.domain.check import values_not_set


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("TOKNE", "TOKEN"),
        ("OPENAI_API_KYE", "OPENAI_API_KEY"),
        ("OPENAL_API_KEY", "OPENAI_API_KEY"),
        ("ANTROPIC_API_KEY", "ANTHROPIC_API_KEY"),
        ("openai-api-key", "OPENAI_API_KEY"),
    ],
)
def test_a_misspelled_secret_is_named_with_the_right_one(name: str, known: str) -> None:
    warned = values_not_set({name}, {known, "ANOTHER"})
    assert warned.message.endswith(f"{{{{{name}}}}}. Did you mean {{{{{known}}}}}?")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
        ("DB_PASSWORD", "SMTP_PASSWORD"),
        ("GITHUB_TOKEN", "GITLAB_TOKEN"),
        ("STRIPE_KEY_LIVE", "STRIPE_KEY_TEST"),
        ("SERVICE_A", "SERVICE_B"),
        ("TOKEN1", "TOKEN2"),
        ("TOKEN", "TOKEN2"),
        ("TOKEN", "API"),
    ],
)
def test_another_secret_is_not_suggested(name: str, known: str) -> None:
    assert "Did you mean" not in values_not_set({name}, {known}).message
