"""The page of blocks lists every setting of Sim, and marks those that have no effect here."""

from pathlib import Path

import pytest

from shared.workflow.format.model_names import NOT_CALLED
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE, NO_PROXY, NO_SKILLS

PAGE = (Path(__file__).parents[3] / "docs" / "blocks.md").read_text()


@pytest.mark.parametrize("sentence", [NO_KNOWLEDGE, NO_PROXY, NO_SKILLS])
def test_settings_that_deploy_refuses_are_marked_as_refused(sentence: str) -> None:
    assert sentence in PAGE


def test_unsupported_models_are_marked_as_refused() -> None:
    assert [provider for provider in sorted(NOT_CALLED) if f"`{provider}/…`" not in PAGE] == []
