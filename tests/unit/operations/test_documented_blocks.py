"""The page of blocks lists every setting of Sim, and marks those that have no effect here."""

from pathlib import Path

import pytest

from shared.workflow.format.model_names import NOT_CALLED
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE, NO_PROXY, NO_SKILLS

PAGE = (Path(__file__).parents[3] / "docs" / "blocks.md").read_text()


@pytest.mark.parametrize("sentence", [NO_KNOWLEDGE, NO_PROXY, NO_SKILLS])
def test_a_setting_that_deploy_refuses_is_told_to_be_refused(sentence: str) -> None:
    assert sentence in PAGE


def test_so_are_the_models_that_are_not_called() -> None:
    assert [provider for provider in sorted(NOT_CALLED) if f"`{provider}/…`" not in PAGE] == []
