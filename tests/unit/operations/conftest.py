"""What the tests of the manifests share."""

import pytest
from tests.unit.operations.manifests import OVERLAYS


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Each in turn."""
    name: str = request.param
    return name
